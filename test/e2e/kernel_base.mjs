/* A base with something in the ledger. Postings come from plays, timers and payments; the pages are shown what those would
 * have written, put in behind the program's back. */
import { runSql } from '../api/papilio.mjs'

export function sql(server, text) {
    runSql(server.folder, `BEGIN; ${text} COMMIT;`)
}

const SYSTEM_ISSUED = 11
const OWN_POINTS = 12

/* One customer with `count` postings of points, every fourth of them spent. */
export function ledgerFill(server, customerId, count = 45) {
    const rows = []
    let left = 0
    for (let i = 1; i <= count; i++) {
        const isOut = i % 4 === 0
        const amount = isOut ? 80 : 120 + i
        left += isOut ? -amount : amount
        const [from, to] = isOut ? [OWN_POINTS, SYSTEM_ISSUED] : [SYSTEM_ISSUED, OWN_POINTS]
        const [fromLeft, toLeft] = isOut ? [left, -left] : [-left, left]
        const previous = i === 1 ? 'NULL' : 100 + i - 1
        rows.push(`(${100 + i}, '${isOut ? 'points_spent' : 'order_points'}', ${i}, 0, ${from}, ${to}, ${amount}, ${fromLeft}, ${toLeft}, ${i}, ${i}, ${previous}, ${previous}, NULL, 0, NULL, NULL, ${Date.now() - (count - i) * 3_600_000})`)
    }
    sql(
        server,
        `INSERT INTO account VALUES
            (${SYSTEM_ISSUED}, 'system', 0, 'points', 'issued', 0, ${-left}, NULL, ${count}, ${100 + count}, 0, 1),
            (13, 'system', 0, 'growth', 'issued', 0, -260, NULL, 3, NULL, 0, 1),
            (14, 'system', 0, 'fen', 'external', 0, -500000, NULL, 2, NULL, 0, 1),
            (15, 'system', 0, 'points', 'expired', 0, 0, 0, 0, NULL, 0, 1),
            (16, 'customer', ${customerId}, 'growth', 'available', 0, 260, 0, 3, NULL, 0, 1),
            (17, 'customer', ${customerId}, 'points', 'pending', 0, 0, 0, 0, NULL, 0, 1),
            (${OWN_POINTS}, 'customer', ${customerId}, 'points', 'available', 0, ${left}, 0, ${count}, ${100 + count}, 1, 1);
         INSERT INTO transfer VALUES ${rows.join(', ')};`,
    )
    return left
}
