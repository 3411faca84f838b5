import Synchronization
import TestSupport
import Testing

@testable import Serving

@Suite struct CacheWritesTests {
    @Test func aQuickWriteIsWaitedFor() async {
        let writes = CacheWrites(patience: .seconds(600))
        let done = Mutex(false)
        for _ in 0..<3 {
            done.withLock { $0 = false }
            let isBegun = await writes.perform(bytes: 1) {
                for _ in 0..<50 { await Task.yield() }
                done.withLock { $0 = true }
            }
            #expect(isBegun && done.withLock { $0 })
        }
    }

    @Test func aSlowWriteGoesOnByItself() async {
        let writes = CacheWrites(patience: .milliseconds(1), capacity: 20)
        let (gate, first, second) = (Gate(), Gate(), Gate())
        #expect(
            await writes.perform(bytes: 15) {
                await gate.wait()
                first.open()
            })
        #expect(
            await writes.perform(bytes: 5) {
                await gate.wait()
                second.open()
            })
        #expect(await writes.perform(bytes: 1) { Issue.record("too much is under way") } == false)
        gate.open()
        await first.wait()
        await second.wait()
        // Their room is free again soon after.
        let last = Gate()
        while await writes.perform(bytes: 30, { last.open() }) == false { await Task.yield() }
        await last.wait()
    }

    @Test func aCallerThatLeavesDoesNotWait() async {
        let writes = CacheWrites(patience: .seconds(600))
        let (started, gate, done) = (Gate(), Gate(), Gate())
        let caller = Task {
            await writes.perform(bytes: 1) {
                started.open()
                await gate.wait()
                done.open()
            }
        }
        await started.wait()
        caller.cancel()
        #expect(await caller.value)
        gate.open()
        await done.wait()
    }
}
