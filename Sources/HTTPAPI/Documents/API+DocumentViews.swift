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
        let body = try await decode(WithOptions<KeptChunkBody>.self, request)
        let documents = try documents(request, model: body.options.model)
        let service = try service(request, body.options.model)
        let fields = body.value.fields
        let granularities = try fields.granularities(spans: body.value.spans)
        let passages = PassageWriter(
            finish: try finish(body.options, service),
            type: try body.options.embeddingType?.plain() ?? .float,
            returnsText: fields.returnText ?? true)
        let reading = reading(body.options, request)
        let id = request.parameters["id"] ?? ""
        let view = try await run { () async throws(DocumentError) in
            try await documents.chunk(
                id, granularities, pooling: fields.pooling?.pooling, reading: reading)
        }
        let writer = await JSONWriter.long(bytes: passages.bytes(of: view.value)) { writer in
            passages.write(view.value, of: view.text, view.usage, to: &writer)
        }
        return response(writer, view.result, [.text(view.text)])
    }

    /// `POST /documents/{id}/predict`: a head on a kept document.
    func predictDocument(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let head: String?
            let evidence: EvidenceField?
        }
        let body = try await decode(WithOptions<Body>.self, request)
        let documents = try documents(request, model: body.options.model)
        let reading = reading(body.options, request)
        let id = request.parameters["id"] ?? ""
        _ = try top(body.options)
        let question = try HeadQuestion(body.options, evidence: body.value.evidence)
        let head = body.value.head ?? request.query["head"]
        let view = try await run { () async throws(DocumentError) in
            if let head {
                try await documents.predict(id, head: head, question: question, reading: reading)
            } else {
                try await documents.classify(id, question: question, reading: reading)
            }
        }
        var writer = JSONWriter()
        writer.prediction(view.value, text: view.text)
        return response(writer, view.result, [.text(view.text)])
    }

    /// How a question wants a document read; what it does not say is as the document was put.
    private func reading(_ options: CommonOptions, _ request: ServerRequest) -> DocumentReading {
        let rules = rules(options, request)
        var reading = DocumentReading()
        reading.truncate = options.reading.truncate
        reading.truncatesByDefault = settings.autoTruncate
        reading.truncationSide = options.reading.truncationSide
        reading.windows = rules.windows
        reading.promptName = rules.promptName
        reading.cache = rules.cache
        return reading
    }
}

extension HeadQuestion {
    /// As a request says it.
    init(_ options: CommonOptions, evidence: EvidenceField?) throws(APIError) {
        self.init()
        raw = try options.wantsRaw()
        top = options.topK
        self.evidence = evidence?.granularity
    }
}

/// The body of a kept document's chunk route.
struct KeptChunkBody: Decodable {
    let spans: [[Int]]?
    let fields: PassageFields

    private enum CodingKeys: String, CodingKey { case spans }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        spans = try container.decodeIfPresent([[Int]].self, forKey: .spans)
        fields = try PassageFields(from: decoder)
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
