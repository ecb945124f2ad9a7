/* Purposes of consents and where they are given, in the order they are shown. */
export const PURPOSES = ['privacy', 'marketing', 'profiling', 'transfer', 'minor'] as const
export type Purpose = (typeof PURPOSES)[number]
export const SOURCES = ['store', 'paper', 'phone', 'h5', 'mini', 'import'] as const
export type Source = (typeof SOURCES)[number]
