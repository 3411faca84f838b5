import Foundation
import Testing

@testable import HTTPAPI
@testable import Serving

/// Long work is done by threads that no answer waits for.
@Suite struct LongWorkTests {
    /// The name of the current thread: that of the queues which it works for.
    private static func thread() -> String {
        (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
    }

    @Test func queuesForLongWorkHaveThreadsOfTheirOwn() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let pool = Self.thread()
        let decoding = try await LongWork.run(bytes: .max) { () throws(APIError) in
            Self.thread()
        }
        let tokenizing = try await fixture.readiness.service().offPool(bytes: .max) {
            .success(Self.thread())
        }
        #expect(decoding != pool && tokenizing != pool)
    }
}
