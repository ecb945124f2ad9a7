// The query language a second time, from docs/query.md alone: every event of every person is looked at for every question,
// and nothing here knows how the engine stores or finds them.

/* ---- days and units ----------------------------------------------------------------------------- */

const DAY = 86_400;
export const civil = (day) => new Date(day * DAY * 1000).toISOString().slice(0, 10);
export const dayNumber = (text) => Date.parse(`${text}T00:00:00Z`) / DAY / 1000;

// A zone whose days begin so many minutes behind midnight. Instants are seconds, days are numbers of days since 1970.
export class Calendar {
    constructor(zone, startMinutes) {
        this.format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
        this.startMinutes = startMinutes;
        this.starts = new Map();
    }
    // What the clock shows, as the seconds it would be in UTC.
    clock(second) {
        return Date.parse(`${this.format.format(second * 1000).replace(" ", "T")}Z`) / 1000;
    }
    // The first instant at which the clock shows that or more; of a doubled time the earlier.
    instant(local) {
        let low = local - 2 * DAY;
        const before = this.clock(low) - low, after = this.clock(local + 2 * DAY) - (local + 2 * DAY);
        const found = [local - before, local - after].filter((at) => this.clock(at) === local);
        if (found.length > 0)
            return Math.min(...found);
        for (let high = local + 2 * DAY; high - low > 1;) { // skipped: where the clock jumps
            const middle = Math.floor((low + high) / 2);
            if (this.clock(middle) < local)
                low = middle;
            else
                high = middle;
        }
        return low + 1;
    }
    startOf(day) {
        if (!this.starts.has(day))
            this.starts.set(day, this.instant(day * DAY + this.startMinutes * 60));
        return this.starts.get(day);
    }
    dayOf(second) {
        const day = Math.floor(this.clock(second) / DAY) + 1;
        return [day, day - 1, day - 2].find((one) => this.startOf(one) <= second);
    }
    // A date alone is where that day begins, a time is what the clock says.
    read(text) {
        return text.length === 10 ? this.startOf(dayNumber(text)) : this.instant(Date.parse(`${text.replace(" ", "T")}Z`) / 1000);
    }
}

// The first day of the unit that lies `by` units from the one of that day.
export function unitDay(units, day, by = 0) {
    if (units === "day")
        return day + by;
    if (units === "week")
        return day - ((day + 3) % 7) + 7 * by; // Monday
    const date = new Date(day * DAY * 1000), size = { month: 1, quarter: 3, year: 12 }[units];
    const month = Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / size) * size + by * size;
    return Date.UTC(Math.floor(month / 12), month % 12, 1) / DAY / 1000;
}

/* ---- values ------------------------------------------------------------------------------------- */

const listed = (value) => (Array.isArray(value) ? value : [value]);
const isSet = (value) => value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const order = (a, b) => a.second - b.second || a.number - b.number || a.arrival - b.arrival;

// Events a model sees: {person, second, arrival, kind, channel, subject, amount, properties}.
function valueOf(event, name) {
    if (name === "kind" || name === "channel" || name === "subject" || name === "amount")
        return event[name] ?? undefined;
    return event.properties[name];
}

/* ---- the model ---------------------------------------------------------------------------------- */

// world: {people: [{number, records: [{number}], attributes, tags, lists, events}], zone, startMinutes}; now: the last second that is seen.
export class Model {
    constructor(world, now, zone = world.zone) {
        Object.assign(this, { world, now, calendar: new Calendar(zone, world.startMinutes) });
    }
    at(now) {
        const other = Object.create(this);
        other.now = now;
        return other;
    }

    civil(second) {
        return civil(this.calendar.dayOf(second));
    }

    // [from, to) in seconds.
    when(within) {
        if (within === undefined)
            return [-Infinity, Infinity];
        if (within.last) {
            const [[unit, count]] = Object.entries(within.last);
            return [this.now - count * { seconds: 1, minutes: 60, hours: 3600, days: DAY, weeks: 7 * DAY }[unit] + 1, this.now + 1];
        }
        if (within.units) {
            const { units, count, current } = within, end = current ? 1 : 0; // over is what ends now, running what had its last second
            const today = this.calendar.dayOf(current ? this.now : this.now + 1);
            return [this.calendar.startOf(unitDay(units, today, end - count)), this.calendar.startOf(unitDay(units, today, end))];
        }
        return [within.from === undefined ? -Infinity : this.calendar.read(within.from), within.to === undefined ? Infinity : this.calendar.read(within.to)];
    }
    lies(second, within) {
        const [from, to] = this.when(within);
        return second >= from && second < to;
    }

    test(value, test) {
        const has = isSet(value);
        if ("exists" in test)
            return has === test.exists;
        if ("is_not" in test)
            return !has || !listed(value).some((one) => listed(test.is_not).includes(one));
        if (!has)
            return false;
        if ("is" in test)
            return listed(value).some((one) => listed(test.is).includes(one));
        if ("has_all" in test)
            return listed(test.has_all).every((one) => value.includes(one));
        if ("at_least" in test)
            return value >= test.at_least;
        if ("below" in test)
            return value < test.below;
        if ("between" in test)
            return value >= test.between[0] && value < test.between[1];
        if ("contains" in test)
            return value.includes(test.contains);
        if ("starts" in test)
            return value.startsWith(test.starts);
        if ("within" in test) // of a date: where that day begins
            return this.lies(this.calendar.startOf(dayNumber(value)), test.within);
        const today = this.calendar.dayOf(this.now + 1), [low, high] = test.anniversary;
        return Array.from({ length: high - low }, (_, i) => civil(today + low + i)).some((day) =>
            day.slice(5) === value.slice(5) || (value.endsWith("02-29") && day.endsWith("02-28") && !civil(dayNumber(day) + 1).endsWith("29")));
    }

    matches(event, { kind, channel, subject, where, within }) {
        return event.second <= this.now
            && (kind === undefined || listed(kind).includes(event.kind))
            && (channel === undefined || listed(channel).includes(event.channel))
            && (subject === undefined || listed(subject).includes(event.subject))
            && (where === undefined || listed(where).every((one) => this.test(valueOf(event, one.property), one)))
            && this.lies(event.second, within);
    }
    events(person, pattern) {
        return person.events.filter((event) => this.matches(event, pattern)).sort(order);
    }
    all(person) {
        return this.events(person, {});
    }

    /* ---- conditions ----------------------------------------------------------------------------- */

    holds(person, who) {
        if (who === undefined || who.everyone)
            return true;
        if (who.all)
            return who.all.every((one) => this.holds(person, one));
        if (who.any)
            return who.any.some((one) => this.holds(person, one));
        if (who.not)
            return !this.holds(person, who.not);
        if (who.attribute)
            return this.test(person.attributes[who.attribute], who);
        for (const [name, has] of [["tag", person.tags], ["list", person.lists]])
            if (who[name]) {
                const test = (id) => has.has(id), ids = listed(who[name]);
                return who.match === "all" ? ids.every(test) : ids.some(test) === (who.match !== "none");
            }
        const form = ["did", "sequence", "funnel", "regularly", "first_time", "stopped", "restarted", "rfm", "purchase", "answer"].find((name) => name in who);
        return this[`${form}Holds`](person, who);
    }
    didHolds(person, { did, measure = "count", of, ...test }) {
        const events = this.events(person, did), isTested = Object.keys(test).length > 0;
        const values = of === undefined ? [] : events.map((event) => valueOf(event, of)).filter(isSet);
        if (measure === "count")
            return this.test(events.length, isTested ? test : { at_least: 1 });
        if ((measure === "first" || measure === "last") && of === undefined) {
            const event = events.at(measure === "first" ? 0 : -1);
            return event !== undefined && this.lies(event.second, test.within);
        }
        switch (measure) {
        case "sum": return this.test(sum(values), test);
        case "min": return this.test(values.length > 0 ? Math.min(...values) : undefined, test);
        case "max": return this.test(values.length > 0 ? Math.max(...values) : undefined, test);
        case "distinct": return this.test(new Set(values).size, test);
        case "days": return this.test(new Set(events.map((event) => this.calendar.dayOf(event.second))).size, test);
        default: {
            const event = events.at(measure === "first" ? 0 : -1);
            return this.test(event && valueOf(event, of), test);
        }
        }
    }
    sequenceHolds(person, { sequence, within_seconds }) {
        return this.funnelOf(person, { steps: sequence, within_seconds }).level === sequence.length;
    }
    funnelHolds(person, { funnel, level }) {
        const reached = Math.max(this.funnelOf(person, funnel).level, 0); // who has no such event has reached nothing
        return reached >= level[0] && reached <= level[1];
    }
    regularlyHolds(person, { regularly, units, count, current = false, times = 1, at_least }) {
        const counts = new Map();
        for (const { second } of this.events(person, { ...regularly, within: { units, count, current } })) {
            const unit = unitDay(units, this.calendar.dayOf(second));
            counts.set(unit, (counts.get(unit) ?? 0) + 1);
        }
        return [...counts.values()].filter((one) => one >= times).length >= at_least;
    }
    first_timeHolds(person, { first_time: { within, ...pattern } }) {
        const [first] = this.events(person, pattern);
        return first !== undefined && this.lies(first.second, within);
    }
    some(person, { within, ...pattern }, when) {
        return this.events(person, { ...pattern, within: when ?? within }).length > 0;
    }
    stoppedHolds(person, { stopped, later }) {
        return this.some(person, stopped) && !this.some(person, stopped, later);
    }
    restartedHolds(person, { restarted, later, again }) {
        return this.some(person, restarted) && !this.some(person, restarted, later) && this.some(person, restarted, again);
    }
    rfmHolds(person, { rfm, of, ...cells }) {
        const place = this.fifths(this.world.people, rfm, of).get(person);
        return place !== undefined && ["r", "f", "m"].every((name) => cells[name] === undefined || listed(cells[name]).includes(place[name]));
    }
    purchaseHolds(person, { purchase, kind }) {
        return Math.min(this.events(person, { kind }).length, 2) === ["never", "first", "repeat"].indexOf(purchase);
    }
    answerHolds(person, { answer, cell }) {
        return this.counted(answer).some(([one, row]) => one === person && Object.entries(cell).every(([name, value]) =>
            (value === null ? row[name] === null : listed(value).includes(row[name]))));
    }

    /* ---- funnels -------------------------------------------------------------------------------- */

    // The highest level, and the chain that counts for each: its first event and the seconds to its last.
    funnelOf(person, { steps, within_seconds, order: how = "ordered", exclude = [] }) {
        const events = this.all(person), fits = steps.map((step) => events.map((event) => this.matches(event, step)));
        const touched = events.filter((_, i) => fits.some((fit) => fit[i]));
        if (touched.length === 0)
            return { level: -1 };
        const barred = listed(exclude).map((one) => ({ after: one.after, fit: events.map((event) => this.matches(event, one.events)) }));
        const chains = [{ first: touched[0] }];
        const add = (level, start, end) => {
            const better = chains[level] === undefined || end < chains[level].end || (end === chains[level].end && start > chains[level].start);
            if (better)
                chains[level] = { start, end, first: events[start], seconds: events[end].second - events[start].second };
        };
        for (let start = 0; start < events.length; start++) {
            const isNear = (i) => events[i].second - events[start].second <= within_seconds;
            if (how === "any")
                this.anyOrder(events, fits, start, isNear, add);
            else
                this.chainsFrom(events, { fits, barred, isStrict: how === "strict", isNear, add }, start);
        }
        return { level: chains.length - 1, chains };
    }
    chainsFrom(events, { fits, barred, isStrict, isNear, add }, start) {
        for (let level = 1, reached = fits[0][start] ? [start] : []; reached.length > 0; level++) {
            add(level, start, reached[0]);
            if (level === fits.length)
                return;
            const follows = (from, to) => from < to && (!isStrict || to === from + 1)
                && !barred.some(({ after, fit }) => after === level && fit.slice(from + 1, to).some(Boolean));
            const before = reached;
            reached = events.map((_, i) => i).filter((i) => fits[level][i] && isNear(i) && before.some((from) => follows(from, i)));
        }
    }
    // How many steps have an event among those from `start`; one event may be several steps.
    anyOrder(events, fits, start, isNear, add) {
        const seen = new Set();
        for (let i = start; i < events.length && isNear(i) && fits.some((fit) => fit[start]); i++)
            fits.forEach((fit, step) => {
                if (fit[i] && !seen.has(step))
                    add(seen.add(step).size, start, i);
            });
    }

    /* ---- fifths --------------------------------------------------------------------------------- */

    fifths(people, pattern, of) {
        const found = new Map();
        for (const person of people) {
            const events = this.events(person, pattern);
            if (events.length > 0)
                found.set(person, { last: events.at(-1).second, count: events.length, sum: sum(events.map((event) => valueOf(event, of) ?? 0)) });
        }
        const places = new Map([...found].map(([person, one]) => [person, { sum: one.sum }]));
        for (const [name, key] of [["r", "last"], ["f", "count"], ["m", "sum"]]) {
            const sorted = [...found.values()].map((one) => one[key]).sort((a, b) => a - b);
            const bounds = [1, 2, 3, 4, 5].map((k) => sorted[Math.ceil(sorted.length * k / 5) - 1]);
            for (const [person, one] of found)
                places.get(person)[name] = bounds.findIndex((bound) => one[key] <= bound) + 1;
        }
        return places;
    }

    /* ---- answers -------------------------------------------------------------------------------- */

    people(who) {
        return this.world.people.filter((person) => this.holds(person, who));
    }
    // Rows as the server has them.
    answer(question) {
        if (question.ask === "segment")
            return this.people(question.who).map((person) => person.number);
        return this[`${question.ask}Rows`](question);
    }
    // What a cell may name, for everyone who is counted: [person, {column: value}].
    counted(question) {
        return this[`${question.ask}Counted`](question);
    }

    // What is one of by's values for this event of this person; undefined: none.
    group(by, person, event) {
        if (by === "kind")
            return event.kind;
        if (by === "channel")
            return event.channel ?? "";
        if (by === "day")
            return civil(this.calendar.dayOf(event.second));
        return by.property ? valueOf(event, by.property) : person.attributes[by.attribute];
    }

    funnelRows({ who, funnel, by, times = true }) {
        const groups = new Map(), size = funnel.steps.length;
        for (const [, { group, ...one }] of this.funnelPlaces({ who, funnel, by })) {
            if (!groups.has(group))
                groups.set(group, Array.from({ length: size + 1 }, () => []));
            for (let level = 0; level <= one.level; level++)
                groups.get(group)[level].push(one.chains[level].seconds);
        }
        if (!by && groups.size === 0)
            groups.set(undefined, Array.from({ length: size + 1 }, () => []));
        return [...groups].flatMap(([group, levels]) => levels.map((list, level) => {
            const seconds = list.sort((a, b) => a - b), people = seconds.length;
            const has = times && level > 1 && people > 0;
            return { ...(by && { group }), level, people,
                median_seconds: has ? seconds[Math.ceil(people / 2) - 1] : null, mean_seconds: has ? Math.floor(sum(seconds) / people) : null };
        }));
    }
    funnelPlaces({ who, funnel, by }) {
        return this.people(who).map((person) => [person, this.funnelOf(person, funnel)]).filter(([, one]) => one.level >= 0)
            .map(([person, one]) => [person, { ...one, group: by && this.group(by, person, one.chains[one.level].first) }])
            .filter(([, one]) => !by || isSet(one.group));
    }
    funnelCounted(question) {
        return this.funnelPlaces(question).flatMap(([person, { level, group }]) => Array.from({ length: level + 1 }, (_, i) => [person, { level: i, group }]));
    }

    retentionCounted({ who, start, back, units, count, cohort, or_after = false }) {
        const today = this.calendar.dayOf(this.now), cohorts = Array.from({ length: count }, (_, i) => unitDay(units, today, i + 1 - count));
        const unitOf = (event) => cohorts.indexOf(unitDay(units, this.calendar.dayOf(event.second)));
        return this.people(who).flatMap((person) => {
            let starts = this.events(person, start);
            if (cohort === "first")
                starts = starts.slice(0, 1);
            const backs = this.events(person, back).map(unitOf);
            return [...new Set(starts.map(unitOf))].filter((at) => at >= 0).flatMap((at) => {
                const row = { cohort_ms: this.calendar.startOf(cohorts[at]) * 1000 }, found = [[person, row]];
                for (let unit = 0; at + unit < count; unit++)
                    if (backs.some((one) => (or_after ? one >= at + unit : one === at + unit)))
                        found.push([person, { ...row, unit }]);
                return found;
            });
        });
    }
    retentionRows(question) {
        const counted = this.retentionCounted(question), { units, count } = question;
        const start = (by) => this.calendar.startOf(unitDay(units, this.calendar.dayOf(this.now), by));
        return Array.from({ length: count }, (_, i) => i).flatMap((at) => {
            const rows = counted.filter(([, row]) => row.cohort_ms === start(at + 1 - count) * 1000);
            return Array.from({ length: count - at }, (_, unit) => ({ cohort_ms: start(at + 1 - count) * 1000,
                size: rows.filter(([, row]) => row.unit === undefined).length, unit,
                people: rows.filter(([, row]) => row.unit === unit).length, is_over: at + unit < count - 1 ? 1 : 0 }));
        });
    }

    pathsCounted({ who, events: pattern, gap_seconds: gap = 1800, steps = 5, by = "kind" }) {
        return this.people(who).flatMap((person) => {
            const found = [];
            let last, position = 0;
            for (const event of this.events(person, pattern)) {
                const node = this.group(by, person, event);
                if (!isSet(node))
                    continue;
                if (last !== undefined && (gap === 0 || event.second - last.second < gap)) {
                    position++;
                    if (steps === 0 || position <= steps)
                        found.push([person, { position: steps === 0 ? 0 : position, from: last.node, to: node }]);
                } else
                    position = 0;
                last = { second: event.second, node };
            }
            return found;
        });
    }
    pathsRows(question) {
        const rows = countRows(this.pathsCounted(question), ["position", "from", "to"], ([...list]) => ({ count: list.length }));
        return rows.sort((a, b) => b.count - a.count).slice(0, question.limit ?? 50);
    }

    eventsCounted({ who, events: pattern, by }, more) {
        return this.people(who).flatMap((person) => this.events(person, pattern)
            .map((event) => [person, { ...more?.(event), ...(by && { group: this.group(by, person, event) }), event }])
            .filter(([, row]) => !by || isSet(row.group)));
    }
    measured(list, of) {
        const events = list.map(([, row]) => row.event);
        return { people: new Set(list.map(([person]) => person)).size, events: events.length,
            sum: of === undefined ? null : sum(events.map((event) => valueOf(event, of) ?? 0)) };
    }
    breakdownGroups(question) {
        const { of, order: by = "people", limit = 20 } = question, counted = this.eventsCounted(question);
        const rows = countRows(counted, ["group"], (list) => this.measured(list, of)).sort((a, b) => b[by] - a[by]);
        return { counted, rows, kept: rows.slice(0, limit), left: rows.slice(limit) };
    }
    breakdownRows(question) {
        const { kept, left } = this.breakdownGroups(question), total = (name) => sum(left.map((row) => row[name]));
        if (left.length > 0)
            kept.push({ group: null, people: total("people"), events: total("events"), sum: question.of === undefined ? null : total("sum") });
        return kept;
    }
    breakdownCounted(question) {
        const { counted, left } = this.breakdownGroups(question), others = new Set(left.map((row) => row.group));
        return counted.map(([person, { group }]) => [person, { group: others.has(group) ? null : group }]);
    }
    trendCounted(question) {
        return this.eventsCounted(question, ({ second }) =>
            ({ from_ms: this.calendar.startOf(unitDay(question.units, this.calendar.dayOf(second))) * 1000 }));
    }
    trendRows(question) {
        return countRows(this.trendCounted(question), question.by ? ["from_ms", "group"] : ["from_ms"], (list) => this.measured(list, question.of));
    }

    rfmCounted({ who, events, of }) {
        return [...this.fifths(this.people(who), events, of)];
    }
    rfmRows(question) {
        return countRows(this.rfmCounted(question), ["r", "f", "m"], (list) => ({ people: list.length, sum: sum(list.map(([, row]) => row.sum)) }));
    }

    intervalCounted({ who, events: pattern, pairs }) {
        return this.people(who).flatMap((person) => {
            const events = this.events(person, pattern), found = events.slice(1).map((event, i) => [person, { days: Math.floor((event.second - events[i].second) / DAY) }]);
            return pairs === "first" ? found.slice(0, 1) : found;
        });
    }
    intervalRows(question) {
        return countRows(this.intervalCounted(question), ["days"], (list) => ({ pairs: list.length }));
    }

    timelineRows({ person: number, events: pattern = {}, limit = 50, before = Infinity, skip = 0 }) {
        const person = this.world.people.find((one) => one.records.some((record) => record.number === number));
        const latest = this.events(person, pattern).filter((event) => event.second <= before).reverse();
        const known = Math.min(skip, latest.filter((event) => event.second === before).length);
        return latest.slice(known).slice(0, limit).map((event) => ({ at_ms: event.second * 1000, kind: event.kind, channel_id: event.channel, amount: event.amount }));
    }

    flowCounted({ who, within, stages, by }) {
        const [from, to] = this.when(within);
        const stage = (person, moment) => stages.findLastIndex((one) => this.at(moment).holds(person, one.who)) + 1;
        return this.people(who).map((person) => [person, { from: stage(person, from - 1), to: stage(person, Math.min(to - 1, this.now)),
            ...(by && { group: person.attributes[by.attribute] }) }]).filter(([, row]) => !by || isSet(row.group));
    }
    flowRows(question) {
        return countRows(this.flowCounted(question), question.by ? ["from", "to", "group"] : ["from", "to"], (list) => ({ people: list.length }));
    }
}

// Rows of those that agree in the named columns.
function countRows(counted, names, measure) {
    const groups = new Map();
    for (const one of counted) {
        const key = JSON.stringify(names.map((name) => one[1][name]));
        if (!groups.has(key))
            groups.set(key, []);
        groups.get(key).push(one);
    }
    return [...groups.values()].map((list) => ({ ...Object.fromEntries(names.map((name) => [name, list[0][1][name]])), ...measure(list) }));
}
