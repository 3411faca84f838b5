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

    @Test func theServersTimeHoldsForThoseThatDoNotSay() async throws {
        let fixture = try APIFixture { $0.requestTimeout = .nanoseconds(1) }
        defer { fixture.executor?.stop() }
        #expect(await fixture.post("/embed", body).status == 504)
        let patient = await fixture.post("/embed", body, headers: ["x-request-timeout": "600"])
        #expect(patient.status == 200)
    }

    @Test(arguments: ["600", "0.5e3", "12.5", ".5", "86400", "-1", "0", "", "inf", "0x1p3", "1e9"])
    func onlySecondsAreTaken(text: String) async throws {
        let fixture = try APIFixture()
        defer { fixture.executor?.stop() }
        let answer = await fixture.post("/tokenize", body, headers: ["x-request-timeout": text])
        if ["600", "12.5", ".5", "86400"].contains(text) {
            #expect(answer.status == 200)
        } else {
            #expect(answer.status == 422)
            #expect(answer.errorType == "Validation")
        }
    }
}
