import BiGSModel
import Foundation
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `POST /` and `POST /invocations`: what the model is for, as text-embeddings-inference and
    /// Hugging Face's endpoints have it. A classifier predicts, every other model embeds; a body
    /// with a `source_sentence` asks for similarities.
    ///
    /// Pipelines keep their options in `parameters`. A body with that field is taken as theirs: the
    /// options count as if they stood beside `inputs`, and a classifier answers a list a text.
    func pipeline(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let service = try readiness.service()
        let predicts = service.loaded.model.head == .sequenceClassification
        RequestContext.current?.record.work = predicts ? .scoring : .embedding
        let function = Classification(service.loaded).isIndependent ? "sigmoid" : "softmax"
        let bytes = try await collect(request)
        let body = try await RequestBodyDecoder.offPool(bytes: bytes.count) {
            () throws(APIError) in
            try PipelineBody(bytes, isClassifier: predicts, function: function)
        }
        var request = request
        request.body = RequestBody(bytes: body.bytes)
        if body.comparesSentences {
            RequestContext.current?.record.work = .embedding
            return try await similarity(request)
        }
        return predicts ? try await predict(request) : try await embed(request)
    }
}

/// A body in the form of Hugging Face's pipelines, as the routes of their own have it.
struct PipelineBody: Sendable {
    /// Whether it has a sentence and others to compare it with.
    let comparesSentences: Bool
    /// With the options of `parameters` beside `inputs`; a body without that field as it came.
    let bytes: [UInt8]

    /// Reads `bytes`, which may take as long as any body.
    /// - Parameters:
    ///   - isClassifier: whether the model predicts: then a single text becomes a list of one.
    ///   - function: the one that makes probabilities of the model's scores.
    /// - Throws: 400 for what is no JSON, 422 where `parameters` is no object, or asks for what there is
    ///   not.
    init(_ bytes: [UInt8], isClassifier: Bool, function: String) throws(APIError) {
        let tape = try RequestBodyDecoder.tape(of: bytes)
        let inputs = tape.member("inputs", of: 0)
        comparesSentences = inputs.flatMap { tape.member("source_sentence", of: $0) } != nil
        self.bytes =
            tape.member("parameters", of: 0) == nil
            ? bytes
            : try Self.flattened(
                bytes, listed: isClassifier && !comparesSentences, function: function)
    }

    private static func flattened(
        _ bytes: [UInt8], listed: Bool, function known: String
    ) throws(APIError) -> [UInt8] {
        let object = try? JSONSerialization.jsonObject(with: Data(bytes))
        guard var body = object as? [String: Any], let parameters = body["parameters"] else {
            return bytes
        }
        let given = parameters is NSNull ? [:] : parameters
        guard var options = given as? [String: Any] else {
            throw .validation(field: "parameters", "expected an object")
        }
        body["parameters"] = nil
        if let function = options.removeValue(forKey: "function_to_apply"), !(function is NSNull) {
            switch function as? String {
            case "none": options["raw_scores"] = true
            case known, "default": break
            default:
                throw .validation(
                    field: "parameters.function_to_apply",
                    "expected \"\(known)\", which is this model's, or \"none\"")
            }
        }
        body.merge(options) { own, _ in own }
        if listed {
            if let text = body["inputs"] as? String { body["inputs"] = [[text]] }
            if let texts = body["inputs"] as? [String] { body["inputs"] = texts.map { [$0] } }
        }
        guard let flat = try? JSONSerialization.data(withJSONObject: body) else {
            throw .malformed("the body is not JSON")
        }
        return Array(flat)
    }
}
