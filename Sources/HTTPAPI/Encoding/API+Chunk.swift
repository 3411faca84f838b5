import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `POST /chunk`: late chunking. One pass over the whole text, then one vector for each passage.
    func chunk(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<ChunkRequestBody>.self, request)
        let service = try service(request, body.options.model)
        let texts = body.value.inputs.items
        let inputs = texts.map(EncodingInput.text)
        let names = try accept(inputs, "inputs", isSingle: body.value.inputs.isSingle)
        let granularities = try body.value.granularities()
        let passages = PassageWriter(
            finish: try finish(body.options, service),
            type: try body.options.embeddingType?.plain() ?? .float,
            returnsText: body.value.fields.returnText ?? false)
        let rules = rules(body.options, request)
        try await holdStates(of: inputs, service, rules)
        let encoded: EncodedTexts
        var chunks: [[CutPassage]] = []
        do throws(ServiceError) {
            let pooling = try service.pooling(
                body.value.fields.pooling?.pooling, for: granularities.flatMap { $0 })
            encoded = try await service.encodeStates(inputs, rules: rules, pooling: pooling)
            var allowance = PassageAllowance()
            for (index, text) in texts.enumerated() {
                let whole = encoded.texts[index]
                chunks.append(
                    try await service.passages(
                        of: whole.textStates, whole: whole.pooled, text: text,
                        granularities[index], pooling: pooling, within: &allowance, input: index))
            }
        } catch {
            throw .service(error, names)
        }
        let usage = encoded.texts.map(\.usage)
        let writer = await JSONWriter.long(bytes: passages.bytes(of: chunks.joined())) {
            [chunks] writer in
            func write(_ index: Int, _ writer: inout JSONWriter) {
                passages.write(chunks[index], of: texts[index], usage[index], to: &writer)
            }
            if body.value.inputs.isSingle {
                write(0, &writer)
            } else {
                writer.array { writer in
                    for index in texts.indices { write(index, &writer) }
                }
            }
        }
        var response = ServerResponse.json(writer)
        tell(encoded.result, inputs, &response.headers)
        return response
    }
}

/// The body of `/chunk`.
struct ChunkRequestBody: Decodable {
    /// `[[start, end]]` for one text, a list of such lists for several.
    struct Spans: Decodable {
        private let flat: [[Int]]?
        private let nested: [[[Int]]]?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            flat = try? container.decode([[Int]].self)
            nested = flat?.isEmpty == false ? nil : try? container.decode([[[Int]]].self)
            if flat == nil, nested == nil {
                throw FieldError(
                    field: "spans",
                    reason: "expected a list of [start, end], one list for each text")
            }
        }

        /// The lists of the texts.
        func lists(isSingle: Bool) -> [[[Int]]] {
            isSingle ? flat.map { [$0] } ?? nested ?? [] : nested ?? flat.map { [$0] } ?? []
        }
    }

    let inputs: Texts
    let spans: Spans?
    let fields: PassageFields

    private enum CodingKeys: String, CodingKey { case inputs, spans }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        inputs = try container.decode(Texts.self, forKey: .inputs)
        spans = try container.decodeIfPresent(Spans.self, forKey: .spans)
        fields = try PassageFields(from: decoder)
    }

    /// How each text is to be cut, in order.
    func granularities() throws(APIError) -> [[Granularity]] {
        guard let lists = spans?.lists(isSingle: inputs.isSingle) else {
            let granularities = try fields.granularities(spans: nil)
            return inputs.items.map { _ in granularities }
        }
        guard lists.count == inputs.items.count else {
            throw .validation(
                field: "spans", "has \(lists.count) lists for \(inputs.items.count) texts")
        }
        let count = lists.reduce(0) { $0 + $1.count }
        if count > PassageCut.maximumSpans {
            throw .tooMany(field: "spans", count: count, limit: PassageCut.maximumSpans)
        }
        var all: [[Granularity]] = []
        for (index, text) in inputs.items.enumerated() {
            let place = inputs.isSingle ? "spans" : "spans[\(index)]"
            let granularities = try fields.granularities(spans: lists[index], place: place)
            try PassageCut.check(
                granularities, length: text.unicodeScalars.count, field: place)
            all.append(granularities)
        }
        return all
    }
}
