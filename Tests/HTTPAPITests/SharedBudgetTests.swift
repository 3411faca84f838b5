import DocumentStore
import HTTPServer
import HTTPTypes
import Serving
import Synchronization
import TestSupport
import Testing

@testable import HTTPAPI

/// Bodies of many requests take no more memory together than they may.
@Suite struct SharedBudgetTests {
    @Test func aShareIsGivenBackWithItsRequest() {
        let budget = SharedBudget(limit: 10)
        do {
            let first = SharedBudget.Share(of: budget)
            let second = SharedBudget.Share(of: budget)
            #expect(first.take(6) && second.take(4))
            #expect(!first.take(1) && second.take(0))
        }
        let third = SharedBudget.Share(of: budget)
        #expect(third.take(10) && !third.take(1))
    }

    private final class Order: Sendable {
        let numbers = Mutex<[Int]>([])
    }

    /// Who waits is served in order, and who gives up lets the next one through.
    @Test func roomIsWaitedFor() async {
        let budget = SharedBudget(limit: 10)
        let order = Order()
        var first: SharedBudget.Share? = SharedBudget.Share(of: budget)
        #expect(await first?.wait(for: 8) == true)
        @Sendable func waiting(_ number: Int, _ amount: Int) async -> Task<Bool, Never> {
            let task = Task {
                let share = SharedBudget.Share(of: budget)
                let isServed = await share.wait(for: amount)
                if isServed { order.numbers.withLock { $0.append(number) } }
                return isServed
            }
            while budget.waiting < number { await Task.yield() }
            return task
        }
        let (large, second) = (await waiting(1, 10), await waiting(2, 5))
        let third = await waiting(3, 1)
        large.cancel()
        #expect(await large.value == false)
        // There was room for the third all the time, but not before the second.
        first = nil
        let served = (await second.value, await third.value)
        #expect(served == (true, true))
        #expect(order.numbers.withLock { $0 } == [2, 3])
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            let all = SharedBudget.Share(of: budget)
            let share = SharedBudget.Share(of: budget)
            return (await all.wait(for: 10), await share.wait(for: 1))
        }
        #expect(await cancelled.value == (false, false))
        let again = SharedBudget.Share(of: budget)
        #expect(again.take(10))
    }

    /// A body that has come but for its last byte until it is let through; `coming` hears when it has.
    private func slow(
        _ bytes: [UInt8], coming: AsyncStream<Void>.Continuation, until gate: Gate
    ) -> RequestBody {
        let rest = Mutex([bytes.dropLast(), bytes.suffix(1)])
        return RequestBody(pull: {
            let next = rest.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            if next?.count == 1 {
                coming.yield()
                await gate.wait()
            }
            return next.map(Array.init)
        })
    }

    /// A value of two bytes has a node of sixteen, before anybody knows how many there may be.
    @Test func whatIsMadeOfABodyCounts() {
        let budget = SharedBudget(limit: 4 << 20)
        let others = SharedBudget.Share(of: budget)
        let bytes = Array("[\(String(repeating: "1,", count: 200_000))1]".utf8)
        func read() -> APIError? {
            do throws(APIError) {
                _ = try RequestBodyDecoder.decode([String: Int].self, from: bytes, within: budget)
                return nil
            } catch {
                return error
            }
        }
        #expect(others.take(2 << 20))
        guard case .bodiesFull = read() else {
            Issue.record("no room, and \(String(describing: read()))")
            return
        }
        others.giveBack(2 << 20)
        guard case .validation = read() else {
            Issue.record("room, and \(String(describing: read()))")
            return
        }
        #expect(others.take(4 << 20), "what was read by is given back")
    }

    /// What values are made of nodes takes more than the nodes, whatever list they stand in.
    @Test(arguments: [
        ("[", #"["a"],"#, #"["a"]]"#), ("{", #""k%":1,"#, #""last":1}"#),
        ("[", #"{"text":"a"},"#, #"{"text":"a"}]"#),
    ])
    func decodedValuesCount(opening: String, entry: String, last: String) throws {
        let budget = SharedBudget(limit: 24 << 20)
        let many = (0..<200_000).map { entry.replacing("%", with: "\($0)") }.joined()
        let bytes = Array((opening + many + last).utf8)
        struct Entry: Decodable { let text: String }
        do throws(APIError) {
            if entry.hasPrefix("{") {
                _ = try RequestBodyDecoder.decode([Entry].self, from: bytes, within: budget)
            } else if opening == "{" {
                _ = try RequestBodyDecoder.decode(
                    [String: MetadataValue].self, from: bytes, within: budget)
            } else {
                _ = try RequestBodyDecoder.decode(
                    ClassificationInputs.self, from: bytes, within: budget)
            }
            Issue.record("no bound")
        } catch {
            guard case .validation(field: "body", _) = error else {
                Issue.record("\(error)")
                return
            }
        }
        #expect(SharedBudget.Share(of: budget).take(24 << 20), "what was taken is given back")
    }

    /// With the body in the same budget, and nobody else: it is not to be sent again.
    @Test func whatNeverFitsIsRefusedForGood() async throws {
        let fixture = try APIFixture { $0.maximumBodyBytes = 1 << 20 }
        defer { fixture.executor?.stop() }
        let lists = String(repeating: #"["a"],"#, count: 120_000)
        let answer = await fixture.post("/predict", #"{"inputs":[\#(lists)["a"]]}"#)
        #expect(answer.status == 422, "\(answer.object)")
        #expect((answer.object["error"] as? String)?.contains("too many values") == true)
    }

    @Test func decodingEndsWithItsClient() {
        let budget = SharedBudget(limit: 1 << 30)
        let bytes = Array(("[" + String(repeating: #"["a"],"#, count: 50_000) + #"["a"]]"#).utf8)
        do throws(APIError) {
            _ = try RequestBodyDecoder.decode(
                ClassificationInputs.self, from: bytes, within: budget, isLeft: { true })
            Issue.record("decoded for nobody")
        } catch {
            guard case .service(.cancelled, _) = error else {
                Issue.record("\(error)")
                return
            }
        }
    }

    /// Clients that read slowly hold no more together than there is room for.
    @Test func largeAnswersAreCountedUntilTheyAreSent() async throws {
        let fixture = try APIFixture {
            $0.maximumBodyBytes = 400_000
            $0.maximumClientBatchSize = 8_000
        }
        defer { fixture.executor?.stop() }
        var head = HTTPRequest(method: .post, scheme: "http", authority: "test", path: "/embed")
        head.headerFields[.contentType] = "application/json"
        let inputs = Array(repeating: #""a""#, count: 8_000).joined(separator: ",")
        func ask() async -> ServerResponse {
            let body = RequestBody(bytes: Array(#"{"inputs":[\#(inputs)]}"#.utf8))
            return await fixture.api.answer(ServerRequest(head: head, body: body))
        }
        var unread: [ServerResponse] = []
        var answer = await ask()
        while answer.status == .ok, unread.count < 10 {
            guard case .bytes(let bytes) = answer.body else { break }
            try #require(bytes.count > 1 << 20)
            unread.append(answer)
            answer = await ask()
        }
        #expect(answer.status == .tooManyRequests && !unread.isEmpty, "\(answer.status)")
        guard case .bytes(let bytes) = answer.body else { return }
        #expect(String(decoding: bytes, as: UTF8.self).contains("the answers that are being sent"))
        unread.removeFirst()
        #expect(await ask().status == .ok)
    }

    /// A list of strings is counted before it is made.
    @Test func listsOfCountlessStringsAreNotMade() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let many = String(repeating: #""","#, count: 1 << 20) + #""""#
        let answer = await fixture.post("/embed", #"{"inputs":[\#(many)]}"#)
        #expect(answer.status == 422)
        #expect(
            (answer.object["error"] as? String)
                == "inputs: has 1048577 entries; at most 1048576 are allowed")
        // One input of as many token ids is no such list.
        let ids = String(repeating: "9,", count: 1 << 20) + "9"
        let long = await fixture.post("/embed", #"{"inputs":[\#(ids)]}"#)
        #expect(long.status == 200 && long.header("x-input-tokens") == "1048577")
    }

    @Test(.timeLimit(.minutes(1))) func oneTooManyIsRefusedAtOnce() async throws {
        let fixture = try APIFixture { $0.maximumBodyBytes = 100 }
        defer { fixture.executor?.stop() }
        let text = #"{"inputs":"\#(String(repeating: "a ", count: 40))"}"#
        #expect(text.utf8.count > 89 && text.utf8.count <= 100)
        var head = HTTPRequest(method: .post, scheme: "http", authority: "test", path: "/tokenize")
        head.headerFields[.contentType] = "application/json"
        let gate = Gate()
        let (arrivals, coming) = AsyncStream.makeStream(of: Void.self)
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                let request = ServerRequest(
                    head: head, body: slow(Array(text.utf8), coming: coming, until: gate))
                group.addTask { await fixture.api.answer(request).status.code }
            }
            // When they all have their parts, there is no room for one more.
            var arrived = 0
            for await _ in arrivals {
                arrived += 1
                if arrived == 8 { break }
            }
            let refused = await fixture.post("/tokenize", text)
            #expect(refused.status == 429 && refused.errorType == "Overloaded")
            #expect(refused.header("Retry-After") == "1")
            gate.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 200, count: 8))
        #expect(await fixture.post("/tokenize", text).status == 200)
    }
}
