/* A table as a CSV file, made in the browser of what the page shows. */

type Cell = string | number | null | undefined

/* A text that a spreadsheet would run as a formula begins with an apostrophe instead. */
function cellText(cell: Cell): string {
    if (cell === null || cell === undefined) return ''
    if (typeof cell === 'number') return String(cell)
    const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export function csvText(rows: Cell[][]): string {
    return rows.map((row) => row.map(cellText).join(',')).join('\r\n') + '\r\n'
}

/** Offers the table as a download; with a byte order mark, so that spreadsheets read it as UTF-8. */
export function csvDownload(name: string, rows: Cell[][]): void {
    const url = URL.createObjectURL(new Blob(['\ufeff', csvText(rows)], { type: 'text/csv;charset=utf-8' }))
    const link = document.createElement('a')
    link.href = url
    link.download = `${name}.csv`
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
