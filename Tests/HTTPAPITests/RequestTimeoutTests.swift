import HTTPAPI
import Serving
import Testing

@Suite struct RequestTimeoutTests {
    private let body = #"{"inputs": "abc def"}"#

    @Test func workPastItsTimeIsAnswered504() async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let answer = await fixture.post(
            "/embed", body, headers: ["x-request-timeout": "0.000000001"])
        #expect(answer.status == 504)
        #expect(answer.errorType == "Timeout")
        #expect(fixture.executor?.counts.passes == 0)
        #expect(fixture.executor?.load == 0)

        let openAI = await fixture.post(
            "/v1/embeddings", #"{"input": "abc"}"#, headers: ["x-request-timeout": "0.000000001"])
        #expect(openAI.status == 504)
        let error = openAI.object["error"] as? [String: Any]
        #expect(error?["code"] as? String == "Timeout")
    }

    /// Whatever the time runs out in: reading the body, the store, the model.
    @Test(arguments: [
        ("/embed", #"{"inputs": "abc"}"#), ("/documents", #"{"text": "abc"}"#),
        ("/documents/search", #"{"query": "abc", "mode": "text"}"#),
        ("/documents/a/chunk", "{}"),
    ])
    func theShortestTimeIsAnsweredAlike(path: String, body: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        _ = await fixture.post("/documents", #"{"id": "a", "text": "abc"}"#)
        for _ in 0..<20 {
            let answer = await fixture.post(path, body, headers: ["x-request-timeout": "5e-324"])
            // A question that is done before anybody looks at the clock has its answer.
            let isDone = path.hasSuffix("search") && answer.status == 200
            #expect(answer.status == 504 || isDone, "\(answer.object)")
        }
    }

    @Test func theServersTimeHoldsForThoseThatDoNotSay() async throws {
        let fixture = try APIFixture { $0.requestTimeout = .nanoseconds(1) }
        defer { fixture.executor?.stop() }
        #expect(await fixture.post("/embed", body).status == 504)
        let patient = await fixture.post("/embed", body, headers: ["x-request-timeout": "600"])
        #expect(patient.status == 200)
    }

    @Test(arguments: [
        "600", "0.5e3", "1e1e1", "12.5", ".5", "86400", "-1", "0", "", "inf", "0x1p3", "1e9",
    ])
    func onlySecondsAreTaken(text: String) async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let answer = await fixture.post("/tokenize", body, headers: ["x-request-timeout": text])
        if ["600", "0.5e3", "12.5", ".5", "86400"].contains(text) {
            #expect(answer.status == 200)
        } else {
            #expect(answer.status == 422)
            #expect(answer.errorType == "Validation")
        }
    }
}
