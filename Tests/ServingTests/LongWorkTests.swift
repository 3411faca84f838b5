import Foundation
import Testing

@testable import Serving

/// Long work is done by threads that no answer waits for.
@Suite struct LongWorkTests {
    /// The name of the current thread: that of the queues which it works for.
    private static func thread() -> String {
        (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
    }

    @Test func queuesForLongWorkHaveThreadsOfTheirOwn() async throws {
        let pool = Self.thread()
        let queue = await LongWork.run(bytes: .max) { Self.thread() }
        let here = await LongWork.run(bytes: 1) { Self.thread() }
        #expect(queue != pool && here == pool)
    }
}
