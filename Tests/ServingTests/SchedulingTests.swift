import Serving
import TestSupport
import Testing

/// The policy under load, on a machine that only counts: a token takes one unit of time.
@Suite struct SchedulingTests {
    /// A pass of 4,096 tokens through the 23 layers of the published size.
    private static let steps = 25
    private static let document = 4_096
    private static let step = document / steps + 1

    /// Clients that send their next request as soon as they have an answer, and single requests.
    private struct Machine {
        var queue = AdmissionQueue(
            limits: .init(waitingTokens: 1 << 30, passTokens: 4_096, quickTokens: 512))
        var now = 0.0
        var nextID: UInt64 = 0
        /// Requests that come by themselves, by time; sorted.
        var arrivals: [(time: Double, counts: [Int])] = []
        /// The requests that a client sends over and over, by the id of the current one.
        var clients: [UInt64: [Int]] = [:]
        var open: [UInt64: (arrived: Double, remaining: Int, counts: [Int])] = [:]
        var done: [(counts: [Int], arrived: Double, latency: Double, id: UInt64)] = []

        mutating func send(_ counts: [Int], at time: Double) -> UInt64 {
            nextID += 1
            _ = queue.admit(nextID, tokenCounts: counts, group: 0)
            open[nextID] = (time, counts.count, counts)
            return nextID
        }

        mutating func addClient(_ counts: [Int]) {
            let id = send(counts, at: now)
            clients[id] = counts
        }

        mutating func run(until end: Double) {
            while now < end {
                takeArrivals()
                if let pass = queue.nextPass() {
                    run(pass)
                } else if let next = arrivals.first {
                    now = next.time
                } else {
                    return
                }
            }
        }

        private mutating func takeArrivals() {
            while let next = arrivals.first, next.time <= now {
                arrivals.removeFirst()
                _ = send(next.counts, at: next.time)
            }
        }

        private mutating func run(_ pass: AdmissionQueue.Pass) {
            var progress = PassProgress(tokens: pass.tokens, steps: steps)
            for _ in 0..<steps {
                if !pass.isQuick, progress.mayGiveWay, let quick = queue.interruption() {
                    run(quick)
                    progress.gaveWay(to: quick.tokens)
                }
                now += Double(pass.tokens) / Double(steps)
                progress.tookStep()
                takeArrivals()
            }
            for unit in pass.units { finish(unit) }
        }

        private mutating func finish(_ unit: AdmissionQueue.Unit) {
            guard var request = open[unit.request] else { return }
            request.remaining -= 1
            open[unit.request] = request
            guard request.remaining == 0 else { return }
            open[unit.request] = nil
            done.append((request.counts, request.arrived, now - request.arrived, unit.request))
            if let counts = clients.removeValue(forKey: unit.request) { addClient(counts) }
        }

        func latencies(of counts: [Int]) -> [Double] {
            done.filter { $0.counts == counts }.map(\.latency)
        }
    }

    /// While documents stream, a short request waits for the layer that runs and for nothing else.
    @Test(arguments: UInt64(1)...5) func shortRequestsWaitForOneLayer(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine()
        for _ in 0..<3 { machine.addClient([Self.document]) }
        machine.addClient(Array(repeating: 200, count: 500))
        var time = 0.0
        for _ in 0..<300 {
            time += Double.random(in: 600...4_000, using: &random)
            machine.arrivals.append((time, [64]))
        }
        machine.run(until: time + 10_000)
        let latencies = machine.latencies(of: [64])
        #expect(latencies.count == 300)
        #expect((latencies.max() ?? .infinity) <= Double(64 + Self.step + 1))
    }

    /// However many short requests come, a document takes at most twice its time, and a layer.
    @Test func documentsAreNotStarved() {
        var machine = Machine()
        for _ in 0..<16 { machine.addClient([64]) }
        machine.addClient([Self.document])
        machine.run(until: 1_000_000)
        let documents = machine.latencies(of: [Self.document])
        #expect(documents.count > 10)
        // It runs for twice its time once it has begun; before that, each client may have had the
        // tokens of one document (their fair share).
        let share = Double(17 * Self.document)
        #expect((documents.max() ?? .infinity) <= share + Double(2 * Self.document + 512))
        #expect(machine.latencies(of: [64]).count > 1_000)
    }

    /// A request of many documents leaves every other one its turn.
    @Test func aBulkRequestDoesNotBlockSingleDocuments() {
        var machine = Machine()
        machine.addClient(Array(repeating: Self.document, count: 200))
        for index in 0..<10 {
            machine.arrivals.append((Double(index) * 30_000 + 100, [Self.document]))
        }
        machine.run(until: 300_000)
        let singles = machine.latencies(of: [Self.document])
        #expect(singles.count >= 9)
        // The document that runs, the bulk's next one, its own.
        #expect((singles.max() ?? .infinity) <= Double(3 * Self.document + Self.step))
    }

    /// The bulk request gets its share beside clients that never stop.
    @Test func aBulkRequestIsNotStarvedBySingleDocuments() {
        var machine = Machine()
        for _ in 0..<4 { machine.addClient([Self.document]) }
        let bulk = Array(repeating: Self.document, count: 20)
        machine.arrivals = [(1.0, bulk)]
        machine.run(until: 1_000_000)
        let latency = machine.latencies(of: bulk).first
        #expect((latency ?? .infinity) <= Double(6 * 20 * Self.document))
    }

    /// Requests of equal size, of any size, are answered in the order in which they came.
    @Test(arguments: [3, 64, 512, 513, 4_096], UInt64(1)...3)
    func equalRequestsKeepTheirOrder(tokens: Int, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var machine = Machine()
        var time = 0.0
        for _ in 0..<100 {
            time += Double.random(in: 0...Double(2 * tokens), using: &random)
            machine.arrivals.append((time, [tokens]))
            if Int.random(in: 0..<4, using: &random) == 0 {
                machine.arrivals.append((time, [Int.random(in: 1...4_096, using: &random)]))
            }
        }
        machine.run(until: .infinity)
        let order = machine.done.filter { $0.counts == [tokens] }.map(\.id)
        #expect(order.count >= 100)
        #expect(order == order.sorted())
    }

    @Test func aPassGivesWayAgainAfterItsShareOfWork() {
        var progress = PassProgress(tokens: 1_000, steps: 10)
        #expect(progress.mayGiveWay)
        progress.gaveWay(to: 250)
        progress.tookStep()
        progress.tookStep()
        #expect(!progress.mayGiveWay)
        progress.tookStep()
        #expect(progress.mayGiveWay)
        // Work beyond what was owed is no credit.
        progress.tookStep()
        progress.gaveWay(to: 150)
        progress.tookStep()
        #expect(!progress.mayGiveWay)
    }
}
