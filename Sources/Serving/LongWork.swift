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

    /// The same for work that can ask, now and then, whether nobody waits for it any more.
    static func run<Value: Sendable, Failure: Error>(
        bytes: Int, asking work: @escaping @Sendable (_ isLeft: () -> Bool) throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let flag = Flag()
        let result: Result<Value, Failure> = await withTaskCancellationHandler {
            do throws(Failure) {
                return .success(
                    try await run(bytes: bytes) { () throws(Failure) in try work { flag.isSet } })
            } catch {
                return .failure(error)
            }
        } onCancel: {
            flag.set()
        }
        return try result.get()
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set() { value.store(true, ordering: .relaxed) }
    }

    /// On Linux queues of one quality of service share their threads, and the pool has those of the
    /// default.
    private static let queue = DispatchQueue(
        label: "bigs.long-work", qos: .utility, attributes: .concurrent)
}
