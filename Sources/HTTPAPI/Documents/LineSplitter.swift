/// Lines out of pieces of bytes, cut anywhere. Holds no more than one line of at most `limit` bytes.
struct LineSplitter {
    /// One line that has something in it. Numbers count every line, from 1.
    enum Line: Equatable {
        /// Without its line end.
        case bytes([UInt8], number: Int)
        /// It had more than `limit` bytes, which are gone.
        case tooLong(number: Int)
        /// There was no room for its bytes, which are gone.
        case noRoom(number: Int)

        /// How many bytes of it are held.
        var byteCount: Int {
            if case .bytes(let bytes, _) = self { bytes.count } else { 0 }
        }

        var number: Int {
            switch self {
            case .bytes(_, let number), .tooLong(let number), .noRoom(let number): number
            }
        }
    }

    /// The most bytes in a line.
    let limit: Int
    /// Asked for room for so many bytes more than any line has without asking, and told, by less than 0,
    /// that so many are not needed any more.
    private let makeRoom: (Int) -> Bool
    /// The bytes that there is room for, and those of the line before: whoever took it still has it.
    private var (room, before) = (Self.free, Self.free)
    /// The bytes that need no asking.
    private static let free = 1 << 20
    private var held: [UInt8] = []
    private var skipped: ((Int) -> Line)?
    private var number = 1

    init(limit: Int, makeRoom: @escaping (Int) -> Bool = { _ in true }) {
        self.limit = limit
        self.makeRoom = makeRoom
    }

    /// The lines that `piece` completes.
    mutating func append(_ piece: [UInt8]) -> [Line] {
        var lines: [Line] = []
        var rest = piece[...]
        while let end = rest.firstIndex(of: 0x0A) {
            take(rest[..<end])
            if let line = endLine() { lines.append(line) }
            rest = rest[(end + 1)...]
        }
        take(rest)
        return lines
    }

    /// The last line, which need not have a line end.
    mutating func finish() -> Line? { endLine() }

    private mutating func take(_ bytes: ArraySlice<UInt8>) {
        if skipped != nil { return }
        let size = held.count + bytes.count
        if size > limit {
            skip(Line.tooLong)
        } else if size > room, !makeRoom(min(2 * size, limit) - room) {
            skip(Line.noRoom)
        } else {
            if size > room { room = min(2 * size, limit) }
            held += bytes
        }
    }

    private mutating func skip(_ line: @escaping (Int) -> Line) {
        skipped = line
        held = []
    }

    private mutating func endLine() -> Line? {
        defer {
            let size = max(held.count, Self.free)
            let needed = max(size, before)
            if needed < room { _ = makeRoom(needed - room) }
            (room, before) = (min(room, needed), size)
            held = []
            skipped = nil
            number += 1
        }
        if let skipped { return skipped(number) }
        if held.last == 0x0D { held.removeLast() }
        let isBlank = held.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        return isBlank ? nil : .bytes(held, number: number)
    }
}
