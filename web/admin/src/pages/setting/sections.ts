/* The sections of the settings, in order; a new one is a line here and its page in the router. Without `permission`: everybody's. */
import type { Section } from '@/ui/SectionFrame.vue'

export const sections: Section[] = [
    { to: '/settings', label: 'setting.sections.general', permission: 'setting.read' },
    { to: '/settings/team', label: 'setting.sections.team', permission: 'staff.read' },
    { to: '/settings/roles', label: 'setting.sections.roles', permission: 'staff.read' },
    { to: '/settings/tags', label: 'tagging.title', permission: 'customer.read' },
    { to: '/settings/attributes', label: 'attribute.title', permission: 'customer.read' },
    { to: '/settings/keys', label: 'setting.sections.keys', permission: 'setting.write' },
    { to: '/settings/webhooks', label: 'webhook.title', permission: 'webhook.write' },
    { to: '/settings/privacy', label: 'privacy.title', permission: 'setting.read' },
    { to: '/settings/audit', label: 'setting.sections.audit', permission: 'audit.read' },
    { to: '/settings/me', label: 'setting.sections.me' },
]
