/* Cohorts as heat tables and curves show them. */
export interface HeatCell {
    n: number // units after the cohort's own
    count: number
    isOver: boolean // else it may still grow
}
export interface HeatCohort {
    key: string
    name: string
    size: number
    isRunning?: boolean // its own unit is not over
    cells: HeatCell[]
}

/** The largest share that is over; the cohort's own unit is nearly all of them and would outshine the rest. */
export const topOf = (cohorts: HeatCohort[]): number => Math.max(0.01, ...cohorts.flatMap(({ size, cells }) => cells.filter((cell) => cell.isOver && cell.n > 0).map((cell) => (size ? cell.count / size : 0))))

/** Of all cohorts that have got that far, by place of the cell. */
export function meansOf(cohorts: HeatCohort[]): (number | undefined)[] {
    const widest = Math.max(0, ...cohorts.map(({ cells }) => cells.length))
    return Array.from({ length: widest }, (_, at) => {
        const of = cohorts.filter(({ cells }) => cells[at]?.isOver)
        const size = of.reduce((sum, cohort) => sum + cohort.size, 0)
        return size ? of.reduce((sum, { cells }) => sum + cells[at]!.count, 0) / size : undefined
    })
}
