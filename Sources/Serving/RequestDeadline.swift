/// Until when an answer is wanted.
///
/// The deadline belongs to the task that works for a request, and holds for everything that it
/// starts: past it the model's work for the request is dropped, wherever it stands, and
/// `ServiceError.deadlinePassed` is thrown.
package enum RequestDeadline {
    /// The deadline of the request that the current task works for; nil: none.
    @TaskLocal package static var current: ContinuousClock.Instant?

    /// Runs `work` with a deadline `timeout` from now. One that holds already is never prolonged.
    package static func within<Result, Failure>(
        _ timeout: Duration?, _ work: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        guard let timeout else { return try await work() }
        let given = ContinuousClock.now + timeout
        let deadline = current.map { min($0, given) } ?? given
        var result: Swift.Result<Result, Failure>?
        await $current.withValue(deadline) {
            do throws(Failure) {
                result = .success(try await work())
            } catch {
                result = .failure(error)
            }
        }
        guard let result else { preconditionFailure("withValue runs its operation") }
        return try result.get()
    }

    /// Throws when the current task's deadline has passed.
    package static func check() throws(ServiceError) {
        if let current, current <= .now { throw .deadlinePassed }
    }
}
