import Checkpoints
import Foundation
import Glibc
import Hub
import Synchronization

/// Shows on standard error how far a download is: on a terminal one line that is written again and again,
/// elsewhere a line for each file.
final class ProgressLine: Sendable {
    private struct State: Sendable {
        var file = ""
        var began = ContinuousClock.now
        var first = 0
        var shown = ContinuousClock.now
        var isOpen = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(STDERR_FILENO) == 1

    func show(_ progress: ModelDownload.Progress) {
        let (now, name) = (ContinuousClock.now, progress.file.printable)
        state.withLock { state in
            let isNew = state.file != progress.file
            if isNew {
                if state.isOpen { StandardError.write("") }
                state = State(
                    file: progress.file, began: now, first: progress.done, isOpen: isTerminal)
            }
            guard isTerminal else {
                if isNew { StandardError.write("\(name)  \(Self.bytes(progress.size))") }
                return
            }
            let isWhole = progress.done == progress.size
            guard isNew || isWhole || now - state.shown > .milliseconds(100) else { return }
            state.shown = now
            state.isOpen = true
            let seconds = max(0.001, (now - state.began) / .seconds(1))
            let rate = Int(Double(progress.done - state.first) / seconds)
            let share = progress.size == 0 ? 100 : 100 * progress.done / progress.size
            StandardError.write(
                "\r\(name)  \(share) %  \(Self.bytes(progress.done)) of "
                    + "\(Self.bytes(progress.size))  \(Self.bytes(rate))/s\u{1B}[K",
                terminator: "")
        }
    }

    /// Ends the line, where one is open, and says something on the next.
    func end(_ note: String? = nil) {
        state.withLock { state in
            if state.isOpen { StandardError.write("") }
            state.isOpen = false
            if let note { StandardError.write(note) }
        }
    }

    /// A number of bytes as people read it.
    static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1000: "\(count) bytes"
        case ..<1_000_000: String(format: "%.1f kB", Double(count) / 1e3)
        case ..<1_000_000_000: String(format: "%.1f MB", Double(count) / 1e6)
        default: String(format: "%.2f GB", Double(count) / 1e9)
        }
    }
}
