import Foundation
import HTTPServer
import HTTPTypes
import Serving
import Testing

@testable import HTTPAPI

@Suite struct ErrorTests {
    @Test(arguments: [
        (#"{"inputs": "#, 400, "Malformed"),
        ("", 400, "Malformed"),
        ("[1,", 400, "Malformed"),
        ("\u{0}", 400, "Malformed"),
        (#"[]"#, 422, "Validation"),
        (#"{}"#, 422, "Validation"),
        (#"{"inputs": null}"#, 422, "Validation"),
        (#"{"inputs": 7}"#, 422, "Validation"),
        (#"{"inputs": []}"#, 422, "Validation"),
        (#"{"inputs": ""}"#, 422, "Validation"),
        (#"{"inputs": ["a", ""]}"#, 422, "Validation"),
        (#"{"inputs": ["a", 1]}"#, 422, "Validation"),
        (#"{"inputs": [[]]}"#, 422, "Validation"),
        (#"{"inputs": [1, 256]}"#, 422, "Validation"),
        (#"{"inputs": [-1]}"#, 422, "Validation"),
        (#"{"inputs": [99999999999]}"#, 422, "Validation"),
        (#"{"inputs": "a", "normalize": "yes"}"#, 422, "Validation"),
        (#"{"inputs": "a", "truncation_direction": "up"}"#, 422, "Validation"),
        (#"{"inputs": "a", "prompt_name": "query"}"#, 422, "Validation"),
    ])
    func badBodies(body: String, status: Int, type: String) async throws {
        let answer = try await APIFixture().post("/embed", body)
        #expect(answer.status == status, "\(body): \(answer.object)")
        #expect(answer.errorType == type)
        #expect(answer.object["request_id"] as? String == answer.header("x-request-id"))
        #expect((answer.object["error"] as? String)?.isEmpty == false)
    }

    @Test func theFieldIsNamed() async throws {
        let fixture = try APIFixture()
        let missing = await fixture.post("/embed", "{}")
        #expect((missing.object["error"] as? String)?.hasPrefix("inputs") == true)
        let wrong = await fixture.post("/embed", #"{"inputs": "a", "normalize": 3}"#)
        #expect((wrong.object["error"] as? String)?.hasPrefix("normalize") == true)
        for number in ["1.5", "1e40", "99999999999999999999", "-1", "true"] {
            let bad = await fixture.post("/embed", #"{"inputs": "a", "dimensions": \#(number)}"#)
            #expect(bad.status == 422, "\(number)")
            #expect((bad.object["error"] as? String)?.hasPrefix("dimensions") == true)
        }
        let unknown = await fixture.post("/embed", #"{"inputs": [[1], [2, 999]]}"#)
        #expect((unknown.object["error"] as? String)?.hasPrefix("inputs[1][1]") == true)
    }

    /// The text that is to blame is called what the request calls it.
    @Test func theTextIsNamed() async throws {
        let long = String(repeating: "a ", count: 300)
        for (golden, path, body, name) in [
            ("MaskedLM", "/embed", #"{"inputs":"LONG","truncate":false}"#, "inputs"),
            ("MaskedLM", "/v1/embeddings", #"{"input":["a","LONG"],"truncate":false}"#, "input[1]"),
            ("MaskedLM", "/v1/embeddings", #"{"input":[99999]}"#, "input"),
            (
                "MaskedLM", "/similarity",
                #"{"inputs":{"source_sentence":"a","sentences":["b","LONG"]},"truncate":false}"#,
                "inputs.sentences[1]"
            ),
            (
                "MaskedLM", "/similarity",
                #"{"inputs":{"source_sentence":"LONG","sentences":["b"]},"truncate":false}"#,
                "inputs.source_sentence"
            ),
            (
                "MaskedLM", "/classify",
                #"{"input":"a","candidate_labels":["b","LONG"],"truncate":false}"#,
                "candidate_labels[1]"
            ),
            ("MaskedLM", "/rerank", #"{"query":"LONG","texts":["b"],"truncate":false}"#, "query"),
            (
                "MaskedLM", "/v1/rerank",
                #"{"query":"a","documents":["b","LONG"],"truncate":false}"#, "documents[1]"
            ),
            (
                "SequenceClassification", "/classify", #"{"input":"LONG","truncate":false}"#,
                "input"
            ),
            (
                "SequenceClassification", "/documents/search",
                #"{"query":"LONG","truncate":false}"#, "query"
            ),
        ] {
            let fixture = try APIFixture(golden: "t1/\(golden)/torch-safetensors", keeps: true)
            defer { fixture.executor?.stop() }
            let answer = await fixture.post(path, body.replacing("LONG", with: long))
            #expect(answer.status == 422, "\(path)")
            let openAI = answer.object["error"] as? [String: Any]
            let message = answer.object["error"] as? String ?? openAI?["message"] as? String
            let isNamed = ["\(name) ", "\(name):", "\(name)["].contains {
                message?.hasPrefix($0) == true
            }
            #expect(isNamed, "\(path): \(message ?? "")")
            if let openAI { #expect(openAI["param"] as? String == name, "\(path)") }
        }
    }

    @Test func whatIsNotUTF8IsFound() async throws {
        let fixture = try APIFixture()
        let body = Array(#"{"inputs": "aé"#.utf8) + [0xFF] + Array(#""}"#.utf8)
        let answer = await fixture.send(.post, "/embed", body, contentType: "application/json")
        #expect(answer.status == 400)
        #expect((answer.object["error"] as? String)?.hasSuffix("UTF-8 at byte 15") == true)
    }

    @Test func codedBodiesAreRefused() async throws {
        let fixture = try APIFixture()
        func post(_ coding: String) async -> APIFixture.Answer {
            await fixture.post(
                "/embed", #"{"inputs": "a"}"#, headers: ["content-encoding": coding])
        }
        let coded = await post("gzip")
        #expect(coded.status == 415 && coded.errorType == "ContentType")
        #expect((coded.object["error"] as? String)?.contains("gzip") == true)
        for coding in ["identity", "", "Identity, identity"] {
            #expect(await post(coding).status == 200, "\(coding)")
        }
    }

    /// Members of metadata are called what their owner called them.
    @Test(arguments: [
        (
            #"{"text": "a", "metadata": {"myKey": 1e400}}"#,
            "metadata.myKey: expected a number of 64 bits, got 1e400"
        ),
        (
            #"{"text": "a", "metadata": {"a_b": [{"cD": -1E999}]}}"#,
            "metadata.a_b[0].cD: expected a number of 64 bits, got -1E999"
        ),
        (#"{"text": "a", "metadata": [1]}"#, "metadata: expected an object"),
        (#"{"text": "a", "window_overlap": []}"#, "window_overlap: expected an integer"),
    ])
    func membersOfMetadataAreNamed(body: String, message: String) async throws {
        let fixture = try APIFixture(keeps: true)
        defer { fixture.executor?.stop() }
        let answer = await fixture.post("/documents", body)
        #expect(answer.status == 422)
        #expect(answer.object["error"] as? String == message)
    }

    @Test func tooManyInputs() async throws {
        let fixture = try APIFixture { $0.maximumClientBatchSize = 2 }
        #expect(await fixture.post("/embed", #"{"inputs": ["a", "b"]}"#).status == 200)
        #expect(await fixture.post("/embed", #"{"inputs": ["a", "b", "c"]}"#).status == 422)
    }

    @Test func contentTypes() async throws {
        let fixture = try APIFixture()
        let body = #"{"inputs": "a"}"#
        for type in [nil, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            let answer = await fixture.post("/embed", body, contentType: type)
            #expect(answer.status == 415 && answer.errorType == "ContentType", "\(type ?? "")")
        }
        for type in ["application/json; charset=utf-8", "Application/JSON"] {
            #expect(await fixture.post("/embed", body, contentType: type).status == 200)
        }
    }

    @Test func routesAndMethods() async throws {
        let fixture = try APIFixture()
        let nowhere = await fixture.send(.get, "/nowhere")
        #expect(nowhere.status == 404 && nowhere.errorType == "NotFound")
        let get = await fixture.send(.get, "/embed")
        #expect(get.status == 405 && get.errorType == "Method")
        #expect(get.header("allow") == "POST")
        let delete = await fixture.send(.delete, "/info")
        #expect(delete.header("allow") == "GET, HEAD")
        #expect(await fixture.send(.head, "/health").status == 200)
        let model = await fixture.send(.get, "/v1/nothing")
        #expect(model.object["error"] is [String: Any])
    }

    @Test func bodiesOverTheLimit() async throws {
        let fixture = try APIFixture { $0.maximumBodyBytes = 20 }
        let answer = await fixture.post("/embed", #"{"inputs": "aaaaaaaaaaaaaaaa"}"#)
        #expect(answer.status == 413 && answer.errorType == "PayloadTooLarge")
    }

    @Test func beforeTheModelIsLoadedAndWhileDraining() async throws {
        let fixture = try APIFixture(golden: nil)
        #expect(await fixture.send(.get, "/health").status == 200)
        for path in ["/ready", "/info", "/v1/models"] {
            #expect(await fixture.send(.get, path).status == 503)
        }
        let early = await fixture.post("/embed", #"{"inputs": "a"}"#)
        #expect(early.status == 503 && early.errorType == "Unhealthy")
        #expect(early.header("retry-after") != nil)
        let drained = try APIFixture()
        #expect(await drained.send(.get, "/ready").status == 200)
        drained.readiness.startDraining()
        #expect(await drained.send(.get, "/ready").status == 503)
        // What a stop cuts off is told so, not that its client had left.
        let cut = Task { await drained.post("/embed", #"{"inputs": "a"}"#) }
        cut.cancel()
        let answer = await cut.value
        #expect(answer.status == 503)
        #expect(answer.object["error"] as? String == "the server is stopping")
    }

    @Test func requestIDsAreEchoedOnlyWhenHarmless() async throws {
        let fixture = try APIFixture()
        let given = await fixture.send(.get, "/health", headers: ["x-request-id": "abc-1"])
        #expect(given.header("x-request-id") == "abc-1")
        let long = String(repeating: "a", count: 129)
        let replaced = await fixture.send(.get, "/health", headers: ["x-request-id": long])
        #expect(replaced.header("x-request-id") != long)
    }

    @Test func internalErrorsKeepTheirInsidesToThemselves() throws {
        struct Secret: Error {}
        let response = Refused(.internal(Secret())).response(requestID: "1", openAI: false)
        guard case .bytes(let bytes) = response.body else {
            Issue.record("a streamed refusal")
            return
        }
        #expect(response.status.code == 500)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("Secret"))
    }

    @Test func aFullQueueSaysWhenToComeBack() {
        let refused = Refused(.service(.overloaded(queuedTokens: 9, retryAfter: 7)))
        let response = refused.response(requestID: "1", openAI: true)
        #expect(response.status.code == 429)
        #expect(response.headers[.retryAfter] == "7")
    }
}
