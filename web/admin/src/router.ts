import { createRouter, createWebHistory } from 'vue-router'
import { useSession } from './lib/session'
import { ApiError } from '@papilio/api'
import { asApiError } from './lib/load'
import { bootError, bootTarget } from './lib/boot'
import { sections } from './pages/operation/sections'

const RELOADED = 'papilio.reloaded'

declare module 'vue-router' {
    interface RouteMeta {
        title?: string
        isPublic?: boolean
    }
}

const page = (load: () => Promise<unknown>, name: string, path: string, title: string) => ({
    path,
    name,
    component: load,
    meta: { title },
})

export const router = createRouter({
    history: createWebHistory(),
    routes: [
        {
            path: '/setup',
            name: 'setup',
            component: () => import('./pages/SetupPage.vue'),
            meta: { isPublic: true, title: 'setup.title' },
        },
        {
            path: '/link',
            name: 'link',
            component: () => import('./pages/LinkPage.vue'),
            meta: { isPublic: true, title: 'link.title' },
        },
        {
            path: '/login',
            name: 'login',
            component: () => import('./pages/LoginPage.vue'),
            meta: { isPublic: true, title: 'login.title' },
        },
        {
            path: '/',
            component: () => import('./pages/AppShell.vue'),
            children: [
                page(() => import('./pages/overview/OverviewPage.vue'), 'overview', '', 'nav.overview'),
                page(() => import('./pages/customer/CustomerList.vue'), 'customers', 'customers', 'nav.customers'),
                page(() => import('./pages/customer/DuplicatePage.vue'), 'duplicates', 'customers/duplicates', 'duplicate.title'),
                page(() => import('./pages/customer/CustomerPage.vue'), 'customer', 'customers/:id', 'nav.customers'),
                page(() => import('./pages/segment/SegmentList.vue'), 'segments', 'segments', 'segment.title'),
                page(() => import('./pages/segment/SegmentBuilder.vue'), 'segmentNew', 'segments/new', 'segment.newTitle'),
                page(() => import('./pages/segment/SegmentBuilder.vue'), 'segmentEdit', 'segments/:id/edit', 'segment.editTitle'),
                page(() => import('./pages/segment/SegmentPage.vue'), 'segment', 'segments/:id', 'segmentPage.all'),
                page(() => import('./pages/layer/LayerCustomers.vue'), 'layerCustomers', 'layers/customers', 'layer.title'),
                page(() => import('./pages/layer/LayerPage.vue'), 'layers', 'layers/:tab(rfm|matrix|cohort|figures)?', 'layer.title'),
                page(() => import('./pages/analysis/AnalysisPage.vue'), 'analysis', 'analysis/:ask(funnel|retention|paths|flow|trend|breakdown|rfm|interval)?', 'analysis.title'),
                page(() => import('./pages/job/JobPage.vue'), 'jobs', 'jobs', 'many.job.title'),
                page(() => import('./pages/channel/ChannelPage.vue'), 'channels', 'channels', 'nav.channels'),
                page(() => import('./pages/import/ImportPage.vue'), 'imports', 'imports', 'nav.imports'),
                page(() => import('./pages/import/ImportRun.vue'), 'import', 'imports/:id', 'nav.imports'),
                {
                    path: 'operations',
                    component: () => import('./pages/operation/OperationShell.vue'),
                    meta: { title: 'operation.title' },
                    children: [
                        {
                            path: '',
                            component: () => import('./pages/NotFound.vue'),
                            beforeEnter: () => sections.find(({ permission }) => !permission || useSession().can(permission))?.to ?? '/',
                        },
                        page(() => import('./pages/campaign/CampaignList.vue'), 'campaigns', 'campaigns', 'campaign.title'),
                        page(() => import('./pages/campaign/CampaignPage.vue'), 'campaign', 'campaigns/:id', 'campaign.title'),
                        page(() => import('./pages/ledger/LedgerPage.vue'), 'ledger', 'ledger', 'ledger.title'),
                        page(() => import('./pages/ledger/AccountPage.vue'), 'account', 'ledger/accounts/:id', 'ledger.title'),
                        page(() => import('./pages/ledger/ReversalPage.vue'), 'reversals', 'ledger/reversals', 'ledger.reversals'),
                        page(() => import('./pages/ledger/TransferPage.vue'), 'transfer', 'ledger/transfers/:id', 'ledger.title'),
                        page(() => import('./pages/saga/SagaPage.vue'), 'sagas', 'sagas', 'saga.title'),
                        page(() => import('./pages/saga/SagaOnePage.vue'), 'saga', 'sagas/:id', 'saga.title'),
                        page(() => import('./pages/outbox/OutboxPage.vue'), 'outbox', 'outbox', 'outbox.title'),
                        page(() => import('./pages/timer/TimerPage.vue'), 'timers', 'timers', 'timer.title'),
                        page(() => import('./pages/health/HealthPage.vue'), 'health', 'health', 'health.title'),
                    ],
                },
                {
                    path: 'settings',
                    component: () => import('./pages/setting/SettingShell.vue'),
                    meta: { title: 'nav.settings' },
                    children: [
                        page(() => import('./pages/setting/SettingPage.vue'), 'settings', '', 'nav.settings'),
                        page(() => import('./pages/team/TeamPage.vue'), 'team', 'team', 'setting.sections.team'),
                        page(() => import('./pages/team/RolePage.vue'), 'roles', 'roles', 'setting.sections.roles'),
                        page(() => import('./pages/setting/KeyPage.vue'), 'keys', 'keys', 'setting.sections.keys'),
                        page(() => import('./pages/webhook/WebhookPage.vue'), 'webhooks', 'webhooks', 'webhook.title'),
                        page(() => import('./pages/webhook/WebhookOnePage.vue'), 'webhook', 'webhooks/:id', 'webhook.title'),
                        page(() => import('./pages/tag/TagPage.vue'), 'tags', 'tags', 'tagging.title'),
                        page(() => import('./pages/tag/AttributePage.vue'), 'attributes', 'attributes', 'attribute.title'),
                        page(() => import('./pages/privacy/PrivacyPage.vue'), 'privacy', 'privacy', 'privacy.title'),
                        page(() => import('./pages/team/AuditPage.vue'), 'audit', 'audit', 'setting.sections.audit'),
                        page(() => import('./pages/setting/MyPage.vue'), 'me', 'me', 'setting.sections.me'),
                    ],
                },
                page(() => import('./pages/NotFound.vue'), 'none', ':rest(.*)*', 'notFound.title'),
            ],
        },
    ],
    scrollBehavior(to, from, kept) {
        if (kept) return kept
        return to.path === from.path ? false : { top: 0 }
    },
})

router.beforeEach(async (to) => {
    if (to.meta.isPublic) return true
    const session = useSession()
    if (session.me) return true
    bootError.value = undefined
    try {
        await session.load()
        return true
    } catch (cause) {
        if (cause instanceof ApiError && cause.status === 401) {
            return { name: 'login', query: to.path === '/' ? {} : { next: to.fullPath }, replace: true }
        }
        bootTarget.value = to.fullPath
        bootError.value = asApiError(cause)
        return false
    }
})

/* A page whose code does not come. Either the server is away: say so, and offer the way again. Or it was updated and the old
 * files are gone: load the new ones, once. */
router.onError(async (cause, to) => {
    const isThere = await fetch('/healthz', { cache: 'no-store' }).then(
        (answer) => answer.ok,
        () => false,
    )
    if (isThere && sessionStorage.getItem(RELOADED) !== to.fullPath) {
        sessionStorage.setItem(RELOADED, to.fullPath)
        location.assign(to.fullPath)
        return
    }
    bootTarget.value = to.fullPath
    bootError.value = isThere ? asApiError(cause) : new ApiError(0, 'net.unreachable', String(cause))
})
router.afterEach((to) => {
    if (sessionStorage.getItem(RELOADED) === to.fullPath) sessionStorage.removeItem(RELOADED)
})
