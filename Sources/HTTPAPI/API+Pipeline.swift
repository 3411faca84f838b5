import BiGSModel
import Foundation
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `POST /` and `POST /invocations`: what the model is for, as text-embeddings-inference and
    /// Hugging Face's endpoints have it. A classifier predicts, every other model embeds.
    ///
    /// Pipelines keep their options in `parameters`. A body with that field is taken as theirs: the
    /// options count as if they stood beside `inputs`, and a classifier answers a list a text.
    func pipeline(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let service = try readiness.service()
        let bytes = try await collect(request)
        let classifies = service.loaded.model.head == .sequenceClassification
        RequestContext.current?.record.work = classifies ? .scoring : .embedding
        var request = request
        request.body = RequestBody(bytes: try PipelineBody.flattened(bytes, listed: classifies))
        return classifies ? try await predict(request) : try await embed(request)
    }
}

/// A body in the form of Hugging Face's pipelines.
enum PipelineBody {
    /// The options of `parameters` beside `inputs`, as the routes of their own have them.
    /// - Parameter listed: whether a single text becomes a list of one.
    /// - Throws: 422 where `parameters` is no object, or asks for what there is not.
    static func flattened(_ bytes: [UInt8], listed: Bool) throws(APIError) -> [UInt8] {
        guard
            var body = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any],
            let parameters = body["parameters"]
        else { return bytes }
        guard var options = parameters as? [String: Any] else {
            throw .validation(field: "parameters", "expected an object")
        }
        body["parameters"] = nil
        if let function = options.removeValue(forKey: "function_to_apply"), !(function is NSNull) {
            switch function as? String {
            case "none": options["raw_scores"] = true
            case "softmax", "sigmoid", "default": break
            default:
                throw .validation(
                    field: "parameters.function_to_apply",
                    "expected \"softmax\", \"sigmoid\" or \"none\"")
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
