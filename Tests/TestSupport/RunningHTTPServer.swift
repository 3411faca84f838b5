package import HTTPServer

extension HTTPServer {
    /// Runs the server around `body`, which gets its address, then shuts it down and waits for it.
    package func whileRunning<Result>(
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        let running = Task { try await run() }
        let result: Result
        do {
            result = try await body(waitUntilListening())
        } catch {
            running.cancel()
            _ = await running.result
            throw error
        }
        await shutdown()
        try await running.value
        return result
    }
}
