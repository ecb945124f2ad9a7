/* Papilio: page views and clicks. <script src="https://YOUR/papilio.js" data-key="pk_..." defer></script>
 * papilio.track('form_submitted', { code: 'lead' }); papilio.identify('member_no', 'A17'); papilio.identify(null) forgets.
 * Clicks: links to other sites, and whatever carries data-papilio="label". ?ch=CODE in the address names the channel. */
;(function (w, d) {
  var me = d.currentScript
  if (w.papilio || !me || navigator.webdriver) return
  var to = new URL('/api/v1/beacon?key=' + encodeURIComponent(me.getAttribute('data-key') || ''), me.src).href
  var queue = [], timer = 0, last = ''

  function id() {
    var b = new Uint8Array(16), s = ''
    crypto.getRandomValues(b)
    for (var i = 0; i < 16; i++) s += (b[i] + 256).toString(16).slice(1)
    return s
  }
  // Storage may be refused: then a visitor lasts as long as the page.
  var kept = {}
  function keep(name, value) {
    name = 'papilio_' + name
    try {
      if (value === undefined) return localStorage.getItem(name) || kept[name]
      if (value === null) localStorage.removeItem(name)
      else localStorage.setItem(name, value)
    } catch (e) {}
    if (value === undefined) return kept[name]
    kept[name] = value
  }
  if (!keep('id')) keep('id', id())
  var channel = new URLSearchParams(location.search).get('ch')
  if (channel) keep('ch', channel)

  function flush() {
    clearTimeout(timer)
    timer = 0
    while (queue.length) {
      var text = JSON.stringify({ events: queue.splice(0, 50) })
      if (!(navigator.sendBeacon && navigator.sendBeacon(to, text)))
        fetch(to, { method: 'POST', body: text, keepalive: true, mode: 'no-cors' }).catch(function () {})
    }
  }
  function track(kind, properties) {
    var event = { message_id: id(), kind: kind, occurred_ms: Date.now(), anonymous_id: keep('id') }
    var who = keep('who'), ch = keep('ch')
    if (who) event.customer = JSON.parse(who)
    if (ch) event.channel_code = ch.slice(0, 60)
    if (properties) event.properties = properties
    queue.push(event)
    if (!timer) timer = setTimeout(flush, 1000)
  }
  function place(address) {
    return String(address).split(/[?#]/)[0].slice(0, 500)
  }
  function viewed() {
    var here = place(location.href)
    if (here === last) return
    track('page_viewed', { url: here, title: d.title.slice(0, 200), referrer: last || place(d.referrer) })
    last = here
  }
  d.addEventListener('click', function (e) {
    var at = e.target.closest && e.target.closest('a[href],[data-papilio]')
    if (!at) return
    var label = at.getAttribute('data-papilio')
    if (label === null && at.host === location.host) return
    track('link_clicked', { url: place(at.href || location.href), label: (label || at.host || '').slice(0, 200) })
  }, true)
  ;['pushState', 'replaceState'].forEach(function (name) {
    var real = history[name]
    history[name] = function () {
      real.apply(history, arguments)
      setTimeout(viewed, 0)
    }
  })
  w.addEventListener('popstate', viewed)
  w.addEventListener('pagehide', flush)
  d.addEventListener('visibilitychange', function () {
    if (d.visibilityState === 'hidden') flush()
  })
  w.papilio = {
    track: track,
    flush: flush,
    identify: function (kind, value) {
      keep('who', kind ? JSON.stringify({ kind: kind, value: String(value) }) : null)
      if (!kind) keep('id', id())
    },
  }
  viewed()
})(window, document)
