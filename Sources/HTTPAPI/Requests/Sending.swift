import HTTPServer
import Synchronization

/// A writer that remembers whether anything was written: from then on the status has been sent.
final class Sending: Sendable {
    private let target: BodyWriter
    private let state = Mutex(false)

    init(_ target: BodyWriter) { self.target = target }

    var hasBegun: Bool { state.withLock { $0 } }

    var writer: BodyWriter {
        BodyWriter { [self] piece in
            state.withLock { $0 = true }
            try await target.write(piece)
        }
    }
}
