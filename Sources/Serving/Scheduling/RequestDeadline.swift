/// Until when an answer is wanted.
///
/// The deadline belongs to the task that works for a request, and holds for everything that it
/// starts. Past it that work is cancelled: what waits of it in the executor's queue never runs, a
/// pass that nobody else needs ends with its step, and the executor throws
/// `ServiceError.deadlinePassed`.
package enum RequestDeadline {
    /// The deadline of the request that the current task works for; nil: none.
    @TaskLocal package static var current: ContinuousClock.Instant?

    /// Whether the current task's deadline has passed.
    package static var hasPassed: Bool { current.map { $0 <= .now } ?? false }

    /// Runs `work` with a deadline `timeout` from now. One that holds already is never prolonged.
    package static func within<Value: Sendable, Failure: Error>(
        _ timeout: Duration?, _ work: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard let timeout else { return try await work() }
        let given = ContinuousClock.now + timeout
        let deadline = current.map { min($0, given) } ?? given
        let result = await withTaskGroup(of: Result<Value, Failure>?.self) { group in
            group.addTask {
                await $current.withValue(deadline) {
                    do throws(Failure) {
                        return .success(try await work())
                    } catch {
                        return .failure(error)
                    }
                }
            }
            group.addTask {
                try? await Task.sleep(until: deadline, clock: .continuous)
                return nil
            }
            // Either the work is done, or its time is up: then it ends because it is cancelled.
            var result: Result<Value, Failure>?
            for await ended in group {
                result = result ?? ended
                group.cancelAll()
            }
            return result
        }
        guard let result else { preconditionFailure("the work has a result") }
        return try result.get()
    }
}
