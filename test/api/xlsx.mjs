// Makes zips and spreadsheets, good and broken ones, byte by byte.
import { crc32 as crcOfZlib, deflateRawSync } from "node:zlib";

const table = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++)
        n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
});

function crc32(bytes) {
    let crc = 0xffffffff;
    if (crcOfZlib)
        return crcOfZlib(bytes);
    for (const byte of bytes)
        crc = table[(crc ^ byte) & 0xff] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
}

// parts: [name, text or bytes, {size, packed, crc, method}]: what is given instead of the truth.
export function zipOf(parts) {
    const files = [], central = [];
    let at = 0;
    for (const [name, content, lies = {}] of parts) {
        const plain = Buffer.isBuffer(content) ? content : Buffer.from(content);
        const packed = lies.raw ?? (lies.method === 0 ? plain : deflateRawSync(plain));
        const path = Buffer.from(name);
        const head = Buffer.alloc(26);
        head.writeUInt16LE(20, 0);
        head.writeUInt16LE(lies.flags ?? 0x800, 2);
        head.writeUInt16LE(lies.method ?? 8, 4);
        head.writeUInt32LE(lies.crc ?? crc32(plain), 10);
        head.writeUInt32LE(lies.packed ?? packed.length, 14);
        head.writeUInt32LE(lies.size ?? plain.length, 18);
        head.writeUInt16LE(path.length, 22);
        files.push(Buffer.from("PK\x03\x04", "latin1"), head, path, packed);
        const entry = Buffer.alloc(16);
        entry.writeUInt32LE(at, 12);
        central.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), head, entry.subarray(2), path);
        at += 30 + path.length + packed.length;
    }
    const directory = Buffer.concat(central), end = Buffer.alloc(22);
    end.write("PK\x05\x06", 0, "latin1");
    end.writeUInt16LE(parts.length, 8);
    end.writeUInt16LE(parts.length, 10);
    end.writeUInt32LE(directory.length, 12);
    end.writeUInt32LE(at, 16);
    return Buffer.concat([...files, directory, end]);
}

const escaped = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;");
export const workbook = '<workbook><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>';
export const relations = '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>';

// Rows of texts and numbers; {date: serial} is a date, {formula, value} a formula with its last value.
function cellOf(cell) {
    if (cell === "" || cell === null)
        return "<c/>";
    if (typeof cell === "number")
        return `<c><v>${cell}</v></c>`;
    if (typeof cell === "object" && "date" in cell)
        return `<c s="1"><v>${cell.date}</v></c>`;
    if (typeof cell === "object")
        return `<c t="str"><f>${escaped(cell.formula)}</f><v>${escaped(cell.value)}</v></c>`;
    return `<c t="inlineStr"><is><t>${escaped(cell)}</t></is></c>`;
}
export const sheetOf = (rows) => "<worksheet><sheetData>" +
    rows.map((row, i) => `<row r="${i + 1}">${row.map(cellOf).join("")}</row>`).join("") + "</sheetData></worksheet>";

export function xlsxOf(rows, more = []) {
    return zipOf([
        ["[Content_Types].xml", "<Types/>"],
        ["xl/workbook.xml", workbook],
        ["xl/_rels/workbook.xml.rels", relations],
        ["xl/styles.xml", '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'],
        ["xl/worksheets/sheet1.xml", sheetOf(rows)],
        ...more,
    ]);
}
