import Synchronization

/// Lines between the task that reads them and the one that works on them: bounded in bytes, so that a
/// reader that is faster waits.
final class LineQueue: Sendable {
    private struct State {
        var lines: [LineSplitter.Line] = []
        var bytes = 0
        var isEnded = false
        var reader: CheckedContinuation<Void, Never>?
        var worker: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    /// The reader waits while more bytes than these lie here.
    private let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    /// Adds lines, then waits until there is room for more. Returns at once when the worker has left.
    func add(_ lines: [LineSplitter.Line]) async {
        let worker = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.lines += lines
            state.bytes += lines.reduce(0) { $0 + Self.size($1) }
            if lines.isEmpty { return nil }
            defer { state.worker = nil }
            return state.worker
        }
        worker?.resume()
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                guard state.bytes > capacity, !state.isEnded else { return false }
                state.reader = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
    }

    /// Says that no more lines come, or that none are wanted any more.
    func end() {
        let waiting = state.withLock { state in
            defer {
                state.reader = nil
                state.worker = nil
            }
            state.isEnded = true
            return [state.reader, state.worker]
        }
        for continuation in waiting { continuation?.resume() }
    }

    /// All lines that are here, at least one and in order, of at most `bytes` together and at most
    /// `count`, or one of any length. Waits for the first; empty at the end.
    func take(atMost count: Int, bytes limit: Int) async -> [LineSplitter.Line] {
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                guard state.lines.isEmpty, !state.isEnded else { return false }
                state.worker = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        let (taken, reader) = state.withLock { state in
            var total = 0
            var taken: [LineSplitter.Line] = []
            for line in state.lines.prefix(count) {
                let size = Self.size(line)
                if !taken.isEmpty, total + size > limit { break }
                taken.append(line)
                total += size
            }
            state.lines.removeFirst(taken.count)
            state.bytes -= total
            var reader: CheckedContinuation<Void, Never>?
            if state.bytes <= capacity {
                reader = state.reader
                state.reader = nil
            }
            return (taken, reader)
        }
        reader?.resume()
        return taken
    }

    private static func size(_ line: LineSplitter.Line) -> Int {
        switch line {
        // An empty array costs something, too.
        case .bytes(let bytes, _): bytes.count + 64
        case .tooLong, .noRoom: 64
        }
    }
}
