import Foundation
import Synchronization

/// Work that may take as long as a text, a body or an answer is large. The cooperative pool has a thread
/// per core and must answer others meanwhile, so what is long is done on a queue.
package enum LongWork {
    /// Does short work here and now, long work on the queue.
    /// - Parameter bytes: about how many are read and written.
    package static func run<Value: Sendable, Failure: Error>(
        bytes: Int, _ work: @escaping @Sendable () throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        if bytes < 1 << 16 { return try work() }
        let result: Result<Value, Failure> = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Result(catching: work)) }
        }
        return try result.get()
    }

    /// The same for work that is wasted once nobody waits for it: what has not begun when the task is
    /// cancelled never does, and what has can ask.
    /// - Parameter cancelled: what is thrown in place of work that never began.
    package static func run<Value: Sendable, Failure: Error>(
        bytes: Int, cancelled: Failure,
        asking work:
            @escaping @Sendable (_ isLeft: @escaping @Sendable () -> Bool)
            throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        if bytes < 1 << 16 { return try work { false } }
        let job = Job<Result<Value, Failure>>()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard job.wait(continuation) else {
                    continuation.resume(returning: .failure(cancelled))
                    return
                }
                queue.async {
                    guard job.begin() else { return }
                    job.end(
                        Result { () throws(Failure) in try work { job.isLeft } })
                }
            }
        } onCancel: {
            job.leave(.failure(cancelled))
        }
        return try result.get()
    }

    /// One piece of work, and who waits for it.
    private final class Job<Value: Sendable>: Sendable {
        private enum State {
            case new
            case waiting(CheckedContinuation<Value, Never>)
            case running(CheckedContinuation<Value, Never>)
            case over
        }

        private let state = Mutex(State.new)
        private let hasLeft = Atomic(false)

        var isLeft: Bool { hasLeft.load(ordering: .relaxed) }

        /// False where the task was cancelled before.
        func wait(_ continuation: CheckedContinuation<Value, Never>) -> Bool {
            state.withLock { state in
                guard case .new = state else { return false }
                state = .waiting(continuation)
                return true
            }
        }

        /// False where nobody waits any more.
        func begin() -> Bool {
            state.withLock { state in
                guard case .waiting(let continuation) = state else { return false }
                state = .running(continuation)
                return true
            }
        }

        func end(_ value: sending Value) {
            let waiting = state.withLock { state -> CheckedContinuation<Value, Never>? in
                guard case .running(let continuation) = state else { return nil }
                state = .over
                return continuation
            }
            waiting?.resume(returning: value)
        }

        /// Ends what has not begun with `value`; what runs may notice.
        func leave(_ value: Value) {
            hasLeft.store(true, ordering: .relaxed)
            let waiting = state.withLock { state -> CheckedContinuation<Value, Never>? in
                switch state {
                case .new:
                    state = .over
                    return nil
                case .waiting(let continuation):
                    state = .over
                    return continuation
                case .running, .over: return nil
                }
            }
            waiting?.resume(returning: value)
        }
    }

    /// On Linux queues of one quality of service share their threads, and the pool has those of the
    /// default.
    private static let queue = DispatchQueue(
        label: "bigs.long-work", qos: .utility, attributes: .concurrent)
}
