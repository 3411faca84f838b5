import Serving
import TestSupport
import Testing

@Suite struct AdmissionQueueTests {
    private func queue(waiting: Int = 1_000, pass: Int = 60, quick: Int = 0) -> AdmissionQueue {
        AdmissionQueue(
            limits: .init(waitingTokens: waiting, passTokens: pass, quickTokens: quick))
    }

    /// `#expect` cannot call what changes its receiver.
    private func expectAdmission(
        _ expected: Bool, _ admitted: Bool, at location: SourceLocation = #_sourceLocation
    ) {
        #expect(admitted == expected, sourceLocation: location)
    }

    private func requests(_ pass: AdmissionQueue.Pass?) -> [UInt64] {
        pass?.units.map(\.request) ?? []
    }

    @Test func fillsAPassWithinTheBudget() {
        var queue = queue()
        expectAdmission(true, queue.admit(1, tokenCounts: [10, 20], group: 0))
        expectAdmission(true, queue.admit(2, tokenCounts: [30], group: 0))
        expectAdmission(true, queue.admit(3, tokenCounts: [50], group: 0))
        #expect(queue.queuedTokens == 110)
        let first = queue.nextPass()
        #expect(requests(first) == [1, 1, 2])
        #expect(first?.units.map(\.index) == [0, 1, 0])
        #expect(first?.tokens == 60)
        #expect(queue.queuedTokens == 50)
        let second = queue.nextPass()
        #expect(requests(second) == [3])
        #expect(queue.isEmpty && queue.queuedTokens == 0)
        let third = queue.nextPass()
        #expect(third == nil)
    }

    @Test func refusesWholeRequestsOverTheBound() {
        var queue = queue(waiting: 100)
        expectAdmission(true, queue.admit(1, tokenCounts: [60], group: 0))
        expectAdmission(false, queue.admit(2, tokenCounts: [30, 11], group: 0))
        #expect(queue.queuedTokens == 60)
        expectAdmission(true, queue.admit(3, tokenCounts: [40], group: 0))
    }

    /// What is asked to wait is told how much has to go before there is room: not all that waits.
    @Test func tellsHowMuchHasToGo() {
        var queue = queue(waiting: 100)
        #expect(queue.excess(tokenCounts: [500]) == 0)
        expectAdmission(true, queue.admit(1, tokenCounts: [50, 40], group: 0))
        #expect(queue.excess(tokenCounts: [10]) == 0)
        #expect(queue.excess(tokenCounts: [10, 5]) == 5)
        #expect(queue.excess(tokenCounts: [500]) == 40, "as half of the bound")
        let pass = queue.nextPass()
        #expect(pass?.tokens == 50 && queue.excess(tokenCounts: [10, 5]) == 0)
    }

    /// It counts as half of the bound until less is left of it.
    @Test func anOversizedRequestLeavesRoomForOthers() {
        var queue = queue(waiting: 100)
        expectAdmission(true, queue.admit(1, tokenCounts: [500, 30], group: 0))
        expectAdmission(true, queue.admit(2, tokenCounts: [40], group: 0))
        expectAdmission(false, queue.admit(3, tokenCounts: [11], group: 0))
        expectAdmission(false, queue.admit(3, tokenCounts: [501], group: 0))
        #expect(queue.queuedTokens == 570)
        expectAdmission(true, queue.admit(4, tokenCounts: [10], group: 0))
        while let pass = queue.nextPass(), pass.tokens < 500 {}
        #expect(queue.queuedTokens == 30)
        expectAdmission(true, queue.admit(5, tokenCounts: [70], group: 0))
        expectAdmission(false, queue.admit(6, tokenCounts: [1], group: 0))
        queue.remove(1)
        #expect(queue.queuedTokens == 70)
        while queue.nextPass() != nil {}
        expectAdmission(true, queue.admit(7, tokenCounts: [500], group: 0))
        expectAdmission(true, queue.admit(8, tokenCounts: [500], group: 0))
        expectAdmission(false, queue.admit(9, tokenCounts: [1], group: 0))
    }

    @Test func servesOneRequestInSeveralPasses() {
        var queue = queue(pass: 80)
        expectAdmission(true, queue.admit(7, tokenCounts: [40, 40, 40], group: 0))
        let first = queue.nextPass()
        #expect(first?.units.map(\.index) == [0, 1])
        #expect(!queue.isEmpty)
        let second = queue.nextPass()
        #expect(second?.units.map(\.index) == [2])
        #expect(queue.isEmpty)
    }

    @Test func groupsDoNotShareAPass() {
        var queue = queue()
        expectAdmission(true, queue.admit(1, tokenCounts: [1], group: 0))
        expectAdmission(true, queue.admit(2, tokenCounts: [2], group: 1))
        expectAdmission(true, queue.admit(3, tokenCounts: [3], group: 0))
        let first = queue.nextPass()
        #expect(requests(first) == [1, 3])
        let second = queue.nextPass()
        #expect(requests(second) == [2])
    }

    @Test func removingForgetsOnlyWhatStillWaits() {
        var queue = queue(pass: 40)
        expectAdmission(true, queue.admit(1, tokenCounts: [40, 40], group: 0))
        expectAdmission(true, queue.admit(2, tokenCounts: [5], group: 0))
        let first = queue.nextPass()
        #expect(requests(first) == [2])
        let second = queue.nextPass()
        #expect(requests(second) == [1] && second?.units.first?.index == 0)
        queue.remove(1)
        queue.remove(99)
        #expect(queue.isEmpty && queue.queuedTokens == 0)
    }

    @Test func equalRequestsAreServedInTheOrderTheyCame() {
        var queue = queue(pass: 20)
        for id in UInt64(1)...5 {
            expectAdmission(true, queue.admit(id, tokenCounts: [20], group: 0))
        }
        var order: [UInt64] = []
        while let pass = queue.nextPass() { order += requests(pass) }
        #expect(order == [1, 2, 3, 4, 5])
    }

    @Test func largeRequestsTakeTurns() {
        var queue = queue(pass: 20)
        expectAdmission(true, queue.admit(1, tokenCounts: [20, 20, 20], group: 0))
        expectAdmission(true, queue.admit(2, tokenCounts: [20, 20, 20], group: 0))
        var order: [UInt64] = []
        while let pass = queue.nextPass() { order += requests(pass) }
        #expect(order == [1, 2, 1, 2, 1, 2])
    }

    @Test func quickRequestsShareNoPassWithOthers() {
        var queue = queue(pass: 100, quick: 20)
        expectAdmission(true, queue.admit(1, tokenCounts: [8], group: 0))
        expectAdmission(true, queue.admit(2, tokenCounts: [30], group: 0))
        expectAdmission(true, queue.admit(3, tokenCounts: [8], group: 0))
        expectAdmission(true, queue.admit(4, tokenCounts: [8], group: 0))
        let first = queue.nextPass()
        #expect(requests(first) == [1, 3] && first?.isQuick == true)
        let second = queue.nextPass()
        #expect(requests(second) == [4])
        let third = queue.nextPass()
        #expect(requests(third) == [2] && third?.isQuick == false)
    }

    /// A large request of short texts is not quick: it would hold up those that are.
    @Test func onlyWholeQuickRequestsInterrupt() {
        var queue = queue(pass: 100, quick: 20)
        expectAdmission(true, queue.admit(1, tokenCounts: [10, 10, 10], group: 0))
        let none = queue.interruption()
        #expect(none == nil)
        expectAdmission(true, queue.admit(2, tokenCounts: [10, 10], group: 1))
        let quick = queue.interruption()
        #expect(requests(quick) == [2, 2])
        queue.remove(1)
        #expect(queue.isEmpty)
    }

    /// Whatever comes and goes, nothing is lost, doubled or counted wrongly.
    @Test(arguments: UInt64(1)...20) func conservesTexts(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = queue(waiting: 300, pass: 100, quick: 40)
        var waiting: [UInt64: [Int]] = [:]
        for id in UInt64(0)..<300 {
            let counts = (0..<Int.random(in: 1...4, using: &random)).map { _ in
                Int.random(in: 1...60, using: &random)
            }
            if queue.admit(id, tokenCounts: counts, group: Int(id % 2)) { waiting[id] = counts }
            if Bool.random(using: &random) {
                let pass = Bool.random(using: &random) ? queue.nextPass() : queue.interruption()
                var tokens = 0
                for unit in pass?.units ?? [] {
                    let count = waiting[unit.request]?[unit.index] ?? 0
                    #expect(count > 0, "\(unit) runs twice, or was removed")
                    waiting[unit.request]?[unit.index] = 0
                    tokens += count
                }
                #expect(tokens == pass?.tokens ?? 0)
            }
            if Int.random(in: 0..<5, using: &random) == 0 {
                let victim = UInt64.random(in: 0...id, using: &random)
                queue.remove(victim)
                waiting[victim] = nil
            }
            #expect(queue.queuedTokens == waiting.values.joined().reduce(0, +))
        }
        while let pass = queue.nextPass() {
            for unit in pass.units { waiting[unit.request]?[unit.index] = 0 }
        }
        #expect(waiting.values.joined().allSatisfy { $0 == 0 })
    }
}
