/* What the brand runs on, in the order of the menu. */
import type { Section } from '@/ui/SectionFrame.vue'

export const sections: Section[] = [
    { to: '/operations/campaigns', label: 'campaign.title', permission: 'campaign.read' },
    { to: '/operations/ledger', label: 'ledger.title', permission: 'ledger.read' },
    { to: '/operations/sagas', label: 'saga.title', permission: 'saga.read' },
    { to: '/operations/outbox', label: 'outbox.title', permission: 'outbox.read' },
    { to: '/operations/timers', label: 'timer.title', permission: 'timer.read' },
    { to: '/operations/health', label: 'health.title', permission: 'system.read' },
]
