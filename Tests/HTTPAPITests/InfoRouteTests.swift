import Foundation
import HTTPTypes
import Serving
import Testing

@Suite struct InfoRouteTests {
    @Test func aClassifierDescribesItself() async throws {
        let fixture = try APIFixture()
        let info = await fixture.send(.get, "/info").object
        let loaded = try #require(fixture.loaded)
        #expect(info["model_id"] as? String == loaded.name)
        #expect(info["fingerprint"] as? String == loaded.fingerprintText)
        #expect((info["fingerprint"] as? String)?.count == 64)
        #expect(info["max_input_length"] as? Int == 128)
        #expect(info["padding"] as? String == "max-length")
        #expect(info["pooling"] as? String == "mean")
        #expect(info["dtype"] as? String == "float32")
        #expect(info["heads"] as? [String] == ["none", "sequenceClassification"])
        let type = try #require(info["model_type"] as? [String: [String: Any]])
        let labels = try #require(type["classifier"]?["id2label"] as? [String: String])
        #expect(labels["0"] == "entailment" && labels.count == 3)
    }

    @Test func modelsAsOpenAIListsThem() async throws {
        let fixture = try APIFixture()
        let models = await fixture.send(.get, "/v1/models").object
        let data = try #require(models["data"] as? [[String: Any]])
        #expect(data.map { $0["id"] as? String } == [fixture.loaded?.name])
    }

    @Test func oneModelByName() async throws {
        let fixture = try APIFixture()
        let name = try #require(fixture.loaded?.name)
        let model = await fixture.send(.get, "/v1/models/\(name)")
        #expect(
            model.object["id"] as? String == name && model.object["object"] as? String == "model")
        let unknown = await fixture.send(.get, "/v1/models/other")
        #expect(unknown.status == 404 && unknown.object["error"] is [String: Any])
    }

    @Test func theConsoleNeedsNothingFromOutside() async throws {
        let fixture = try APIFixture(golden: nil)
        let answer = await fixture.send(.get, "/")
        let page = String(decoding: answer.bytes, as: UTF8.self)
        #expect(answer.status == 200)
        #expect(answer.header("content-type") == "text/html; charset=utf-8")
        #expect(answer.header("content-security-policy")?.hasPrefix("default-src 'none'") == true)
        #expect(!page.contains("http:") && !page.contains("https:") && !page.contains("src="))
        #expect(!page.contains("innerHTML"))
    }
}
