import Synchronization
import Testing

@testable import HTTPAPI

@Suite struct LineTests {
    private func lines(_ pieces: [String], limit: Int = 100) -> [LineSplitter.Line] {
        var splitter = LineSplitter(limit: limit)
        var lines = pieces.flatMap { splitter.append(Array($0.utf8)) }
        if let last = splitter.finish() { lines.append(last) }
        return lines
    }

    private func line(_ text: String, _ number: Int) -> LineSplitter.Line {
        .bytes(Array(text.utf8), number: number)
    }

    @Test func linesAreTheSameWhereverTheBytesAreCut() {
        let text = "one\r\ntwo\n\n \t\nfive\nlast"
        let expected = [line("one", 1), line("two", 2), line("five", 5), line("last", 6)]
        let bytes = Array(text.utf8)
        #expect(lines([text]) == expected)
        #expect(lines(bytes.map { String(decoding: [$0], as: UTF8.self) }) == expected)
        for cut in bytes.indices {
            let pieces = [bytes[..<cut], bytes[cut...]].map { String(decoding: $0, as: UTF8.self) }
            #expect(lines(pieces) == expected)
        }
    }

    @Test func longLinesAreNamedAndSkipped() {
        let long = String(repeating: "x", count: 11)
        let exact = String(repeating: "y", count: 10)
        #expect(
            lines(["\(long)\n\(exact)\n", long, long, "\nz\n\(long)"], limit: 10) == [
                .tooLong(number: 1), line(exact, 2), .tooLong(number: 3), line("z", 4),
                .tooLong(number: 5),
            ])
    }

    @Test func aFullQueueHoldsItsReaderBack() async {
        let queue = LineQueue(capacity: 1_000)
        let reader = Task {
            for number in 1...100 {
                await queue.add([line(String(repeating: "x", count: 90), number)])
            }
            queue.end()
        }
        var seen: [Int] = []
        var largest = 0
        while true {
            let taken = await queue.take(atMost: 7, bytes: 500)
            if taken.isEmpty { break }
            largest = max(largest, taken.count)
            seen += taken.map(\.number)
        }
        await reader.value
        #expect(seen == Array(1...100))
        #expect(largest <= 3)
    }

    @Test func aWorkerThatLeavesLetsTheReaderGo() async {
        let queue = LineQueue(capacity: 10)
        let reader = Task {
            for number in 1...100 { await queue.add([line("some line", number)]) }
        }
        _ = await queue.take(atMost: 1, bytes: 10)
        queue.end()
        await reader.value
    }

    /// Room for long lines is asked for, and given back when two short ones have followed.
    @Test func longLinesAskForRoom() {
        let taken = Mutex((now: 0, most: 0))
        let room = 3 << 20
        var splitter = LineSplitter(limit: 8 << 20) { bytes in
            taken.withLock { taken in
                guard taken.now + bytes <= room else { return false }
                taken.now += bytes
                taken.most = max(taken.most, taken.now)
                return true
            }
        }
        func line(_ megabytes: Int) -> [UInt8] {
            Array(repeating: UInt8(ascii: "a"), count: megabytes << 20) + [0x0A]
        }
        func kinds(_ lines: [LineSplitter.Line]) -> [String] {
            lines.map {
                switch $0 {
                case .bytes: "bytes"
                case .tooLong: "too long"
                case .noRoom: "no room"
                }
            }
        }
        #expect(kinds(splitter.append(line(2))) == ["bytes"])
        #expect(taken.withLock { $0.now } == 1 << 20)
        #expect(kinds(splitter.append(line(6))) == ["no room"])
        #expect(kinds(splitter.append(line(9))) == ["too long"])
        #expect(kinds(splitter.append(line(0) + [65, 0x0A, 66, 0x0A])) == ["bytes", "bytes"])
        #expect(taken.withLock { $0.now } == 0 && taken.withLock { $0.most } <= room)
    }
}
