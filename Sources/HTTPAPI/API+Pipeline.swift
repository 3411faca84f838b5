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
        let body = PipelineBody(try await collect(request))
        let classifies =
            !body.comparesSentences && service.loaded.model.head == .sequenceClassification
        RequestContext.current?.record.work = classifies ? .scoring : .embedding
        var request = request
        let function = Classification(service.loaded).isIndependent ? "sigmoid" : "softmax"
        request.body = RequestBody(
            bytes: try body.flattened(listed: classifies, function: function))
        if body.comparesSentences { return try await similarity(request) }
        return classifies ? try await predict(request) : try await embed(request)
    }
}

/// A body in the form of Hugging Face's pipelines.
struct PipelineBody {
    private let bytes: [UInt8]
    /// The body's fields; nil when it is no JSON object, which the route says better.
    private let fields: [String: Any]?

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        fields = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
    }

    /// Whether it has a sentence and others to compare it with.
    var comparesSentences: Bool {
        (fields?["inputs"] as? [String: Any])?["source_sentence"] != nil
    }

    /// The options of `parameters` beside `inputs`, as the routes of their own have them; a body
    /// without that field as it is.
    /// - Parameters:
    ///   - listed: whether a single text becomes a list of one.
    ///   - function: the one that makes probabilities of the model's scores.
    /// - Throws: 422 where `parameters` is no object, or asks for what there is not.
    func flattened(listed: Bool, function known: String) throws(APIError) -> [UInt8] {
        guard var body = fields, let parameters = body["parameters"] else { return bytes }
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
