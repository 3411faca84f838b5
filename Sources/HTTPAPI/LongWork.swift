import Foundation

/// Work of a request that may take as long as its body or its answer is large.
enum LongWork {
    /// Does short work here and now, long work on a queue: the cooperative pool has a thread per core and
    /// must answer others meanwhile.
    /// - Parameter bytes: about how many are read and written.
    static func run<Value: Sendable>(
        bytes: Int, _ work: @escaping @Sendable () throws(APIError) -> Value
    ) async throws(APIError) -> Value {
        if bytes < 1 << 16 { return try work() }
        let result: Result<Value, APIError> = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Result(catching: work)) }
        }
        return try result.get()
    }

    /// Of another quality of service than the pool, with whose threads it would work on Linux.
    private static let queue = DispatchQueue(
        label: "bigs.requests", qos: .utility, attributes: .concurrent)
}
