import DocumentStore
import HTTPServer
import HTTPTypes
import Serving
import Tokenization

/// The `evidence` of a prediction: true for sentences, or the name of a granularity.
struct EvidenceField: Decodable {
    let granularity: Granularity?

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            granularity = flag ? .sentence : nil
            return
        }
        switch try? container.decode(String.self) {
        case "sentence": granularity = .sentence
        case "paragraph": granularity = .paragraph
        default:
            throw FieldError(
                field: "evidence", reason: "expected true, false, \"sentence\" or \"paragraph\"")
        }
    }
}

extension API {
    /// `POST /documents/{id}/chunk`: passages of a kept document.
    func chunkDocument(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let documents = try documents(request)
        let body = try await decode(WithOptions<KeptChunkBody>.self, request)
        let service = try service(named: request.query["model"])
        let granularities = try body.value.granularities()
        let finish = try finish(body.options, service)
        let rules = rules(body.options, request)
        let id = request.parameters["id"] ?? ""
        let view = try await run { () async throws(DocumentError) in
            try await documents.chunk(id, granularities, rules: rules)
        }
        let text = body.value.returnText ?? true ? ScalarText(view.text) : nil
        var writer = JSONWriter(capacity: view.value.count * 12 * 256)
        writer.array { writer in
            for passage in view.value {
                writer.object { writer in
                    writer.place(
                        passage.start..<passage.end, of: passage.granularity, in: text)
                    writer.key("embedding")
                    writer.numbers(finish.apply(passage.vector))
                }
            }
        }
        return Self.viewed(writer, view.usage)
    }

    /// `POST /documents/{id}/predict`: a head on a kept document.
    func predictDocument(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let head: String?
            let evidence: EvidenceField?
        }
        let documents = try documents(request)
        let service = try service(named: request.query["model"])
        let body = try await decode(WithOptions<Body>.self, request)
        let rules = rules(body.options, request)
        let id = request.parameters["id"] ?? ""
        if let top = body.options.topK, top < 1 {
            throw .validation(field: "top_k", "expected 1 or more, got \(top)")
        }
        var writer = JSONWriter()
        if let name = body.value.head ?? request.query["head"] {
            var question = HeadQuestion()
            question.raw = body.options.rawScores ?? false
            question.top = body.options.topK
            question.evidence = body.value.evidence?.granularity
            let view = try await run { [question] () async throws(DocumentError) in
                try await documents.predict(id, head: name, question: question, rules: rules)
            }
            writer.prediction(view.value, text: view.text)
            return Self.viewed(writer, view.usage)
        }
        if body.value.evidence?.granularity != nil {
            throw .validation(field: "evidence", "needs a trained head: name one in head")
        }
        let view = try await run { () async throws(DocumentError) in
            try await documents.classify(id, rules: rules)
        }
        let ranked = Classification(service.loaded).ranked(
            view.value.vectors[0], raw: body.options.rawScores ?? false, top: body.options.topK)
        writer.prediction(HeadPrediction(labels: ranked, evidence: nil), text: "")
        return Self.viewed(writer, view.value.cache == .hit ? nil : view.usage)
    }

    /// An answer that was made from what is kept (`x-cache: hit`), or for which a text was encoded.
    private static func viewed(_ writer: JSONWriter, _ usage: TokenUsage?) -> ServerResponse {
        var response = ServerResponse.json(writer)
        response.headers[.cacheOutcome] = usage == nil ? "hit" : "miss"
        response.headers[.computeTokens] = String(usage?.tokensUsed ?? 0)
        response.headers[.inputTokens] = String(usage?.tokens ?? 0)
        response.headers[.truncatedInputs] = usage?.isTruncated == true ? "1" : "0"
        return response
    }
}

/// The body of a chunk route apart from the text: `granularity` is a name or a list of names, and
/// `size`, `overlap` and `spans` are theirs.
struct KeptChunkBody: Decodable {
    let granularity: OneOrMany<String>?
    let size: Int?
    let overlap: Int?
    let spans: [[Int]]?
    let returnText: Bool?

    func granularities() throws(APIError) -> [Granularity] {
        let names = granularity?.items ?? [spans == nil ? "sentence" : "spans"]
        if names.isEmpty { throw .validation(field: "granularity", "cannot be empty") }
        return try ChunkField(
            names.map { ChunkField.Entry($0, size: size, overlap: overlap, spans: spans) }
        ).granularities(field: "granularity")
    }
}

extension JSONWriter {
    /// Labels with their scores, and the passages that carry them.
    mutating func prediction(_ prediction: HeadPrediction, text: String) {
        let scalars = prediction.evidence == nil ? nil : ScalarText(text)
        array { writer in
            for (index, entry) in prediction.labels.enumerated() {
                writer.object { writer in
                    writer.key("score")
                    writer.number(entry.score)
                    writer.key("label")
                    writer.string(entry.label)
                    guard let scalars, let evidence = prediction.evidence?[index] else { return }
                    writer.key("evidence")
                    writer.array { writer in
                        for passage in evidence {
                            writer.object { writer in
                                writer.key("start")
                                writer.number(passage.range.lowerBound)
                                writer.key("end")
                                writer.number(passage.range.upperBound)
                                writer.key("text")
                                writer.string(scalars[passage.range])
                                writer.key("score")
                                writer.number(passage.score)
                            }
                        }
                    }
                }
            }
        }
    }
}
