import BiGSModel
import Foundation
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `POST /` and `POST /invocations`: what the model is for, as text-embeddings-inference and
    /// Hugging Face's endpoints have it. A classifier predicts, heads that read tokens answer as on their
    /// own routes, every other model embeds; a body with a `source_sentence` asks for similarities, one
    /// with `candidate_labels` for their scores, one with a query and texts for the texts' order.
    ///
    /// Pipelines keep their options in `parameters`. A body with that field is taken as theirs: the
    /// options count as if they stood beside `inputs`, and a classifier answers a list a text.
    func pipeline(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        var request = request
        let task: PipelineTask
        (task, request.body) = try await pipelineTask(of: request)
        RequestContext.current?.record.work =
            switch task {
            case .vectors, .similarity: .embedding
            case .labels, .order, .classes, .entities, .answer: .scoring
            }
        return switch task {
        case .vectors: try await embed(request)
        case .similarity: try await similarity(request)
        case .labels: try await classify(request, asPipeline: true)
        case .order: try await rerank(request)
        case .classes: try await predict(request)
        case .entities: try await tokenClassification(request)
        case .answer: try await answerQuestion(request)
        }
    }

    /// What a pipeline's request asks for, and its body as the route for that takes it. What was made of
    /// the body to find out is gone before that route reads it anew.
    private func pipelineTask(
        of request: ServerRequest
    ) async throws(APIError) -> (PipelineTask, RequestBody) {
        let bytes = try await collect(request)
        let body = try await LongWork.run(bytes: bytes.count, cancelled: .service(.cancelled)) {
            (_) throws(APIError) in
            try PipelineBody(bytes, within: bodies)
        }
        if body.namesLabels { return (.labels, RequestBody(bytes: bytes)) }
        if body.ranksTexts { return (.order, RequestBody(bytes: bytes)) }
        let service = try service(request, body.model)
        let task: PipelineTask =
            switch service.loaded.model.head {
            case _ where body.comparesSentences: .similarity
            case .tokenClassification: .entities
            case .questionAnswering: .answer
            case .sequenceClassification: .classes
            default: .vectors
            }
        if task == .entities || task == .answer { return (task, RequestBody(bytes: bytes)) }
        let flat = try await LongWork.run(bytes: bytes.count, cancelled: .service(.cancelled)) {
            (_) throws(APIError) in
            try body.flattened(listed: task == .classes)
        }
        return (task, RequestBody(bytes: flat))
    }
}

/// What a pipeline's request asks for.
private enum PipelineTask {
    case vectors, similarity, labels, order, classes, entities, answer
}

/// A body in the form of Hugging Face's pipelines.
struct PipelineBody: Sendable {
    private let tape: JSONTape
    /// The tape's part of the memory for bodies.
    private let share: SharedBudget.Share

    /// The most values in a body with `parameters`, which is made anew.
    private static let maximumValues = 1 << 20

    /// Reads `bytes`, which may take as long as any body. Throws 400 for what is no JSON.
    init(_ bytes: [UInt8], within budget: SharedBudget) throws(APIError) {
        share = SharedBudget.Share(of: budget)
        tape = try RequestBodyDecoder.tape(of: bytes, share: share)
    }

    /// Whether it has a sentence and others to compare it with.
    var comparesSentences: Bool {
        tape.member("inputs", of: 0).flatMap { tape.member("source_sentence", of: $0) } != nil
    }

    /// Whether it has labels to be chosen from, beside its inputs or in `parameters`.
    var namesLabels: Bool {
        members("candidate_labels").contains { tape.nodes[$0].kind != .null }
    }

    /// Whether it has a query, and texts in place of inputs.
    var ranksTexts: Bool {
        tape.member("query", of: 0) != nil && tape.member("inputs", of: 0) == nil
            && ["texts", "documents"].contains { tape.member($0, of: 0) != nil }
    }

    /// The model that it chooses, beside its inputs or in `parameters`.
    var model: String? {
        members("model").first.flatMap { node in
            switch tape.nodes[node].kind {
            case .string, .escapedString: tape.string(at: node)
            default: nil
            }
        }
    }

    /// The values of a field, beside the inputs and in `parameters`.
    private func members(_ name: String) -> [Int] {
        [0, tape.member("parameters", of: 0)].compactMap(\.self)
            .compactMap { tape.member(name, of: $0) }
    }

    /// The options of `parameters` beside `inputs`, as the routes of their own have them; a body without
    /// that field as it came.
    /// - Parameter listed: whether a single text becomes a list of one.
    /// - Throws: 422 where `parameters` is no object.
    func flattened(listed: Bool) throws(APIError) -> [UInt8] {
        if tape.member("parameters", of: 0) == nil { return tape.bytes }
        guard tape.nodes.count <= Self.maximumValues else {
            throw .validation(
                field: "body",
                "has \(tape.nodes.count) values; beside parameters at most \(Self.maximumValues)")
        }
        let object = try? JSONSerialization.jsonObject(with: Data(tape.bytes))
        guard var body = object as? [String: Any], let parameters = body["parameters"] else {
            return tape.bytes
        }
        let given = parameters is NSNull ? [:] : parameters
        guard let options = given as? [String: Any] else {
            throw .validation(field: "parameters", "expected an object")
        }
        body["parameters"] = nil
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
