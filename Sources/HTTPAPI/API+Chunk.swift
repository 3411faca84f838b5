import HTTPServer
import HTTPTypes
import Serving
import Tokenization

extension API {
    /// The most spans that a request may name.
    private static let maximumSpans = 16_384

    /// `POST /chunk`: late chunking. One pass over the whole text, then one vector for each passage.
    func chunk(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<ChunkRequestBody>.self, request)
        let service = try service(named: body.options.model)
        let texts = body.value.inputs.items
        let inputs = texts.map(EncodingInput.text)
        received(inputs, isSingle: body.value.inputs.isSingle)
        try check(inputs, field: "inputs", limit: settings.maximumClientBatchSize)
        let granularities = try granularities(body.value)
        let spans = try spans(body.value, texts)
        let finish = try finish(body.options, service)
        let rules = rules(body.options, request)
        let encoded: EncodedTexts
        var chunks: [[(name: ChunkRequestBody.Granularity, passages: [ChunkedPassage])]] = []
        do throws(ServiceError) {
            encoded = try await service.encodeStates(inputs, rules: rules)
            for (index, text) in texts.enumerated() {
                var lists: [(ChunkRequestBody.Granularity, [ChunkedPassage])] = []
                for (name, granularity) in granularities {
                    let cut = granularity ?? .spans(spans.isEmpty ? [] : spans[index])
                    let passages = try await service.passages(
                        of: encoded.texts[index], text: text, cut)
                    // A caller's span always has its answer; of the rest, what was not seen has none.
                    lists.append(
                        (name, name == .spans ? passages : passages.filter { $0.vector != nil }))
                }
                chunks.append(lists)
            }
        } catch {
            throw .service(error)
        }
        let type = body.options.embeddingType?.type ?? .float
        let wantsText = body.value.returnText ?? false
        var writer = JSONWriter(capacity: 1 << 16)
        func write(_ index: Int, _ writer: inout JSONWriter) {
            let text = wantsText ? ScalarText(texts[index]) : nil
            writer.array { writer in
                for (name, passages) in chunks[index] {
                    for passage in passages {
                        writer.object { writer in
                            writer.key("granularity")
                            writer.string(name.rawValue)
                            writer.key("start")
                            writer.number(passage.range.lowerBound)
                            writer.key("end")
                            writer.number(passage.range.upperBound)
                            writer.key("tokens")
                            writer.number(passage.tokens)
                            if let text {
                                writer.key("text")
                                writer.string(text[passage.range])
                            }
                            writer.key("embedding")
                            if let vector = passage.vector {
                                writer.vector(finish.apply(vector), as: type)
                            } else {
                                writer.null()
                            }
                        }
                    }
                }
            }
        }
        if body.value.inputs.isSingle {
            write(0, &writer)
        } else {
            writer.array { writer in
                for index in texts.indices { write(index, &writer) }
            }
        }
        var response = ServerResponse.json(writer)
        tell(
            EncodingResult(uncached: encoded.texts.map(\.usage), timings: encoded.timings),
            inputs, &response.headers)
        return response
    }

    /// What was asked for, in order; nil for the caller's own spans, which differ from text to text.
    private func granularities(
        _ body: ChunkRequestBody
    ) throws(APIError) -> [(ChunkRequestBody.Granularity, Granularity?)] {
        let names =
            body.granularity?.names ?? (body.spans == nil ? [.sentence] : [.spans])
        if names.isEmpty { throw .validation(field: "granularity", "cannot be empty") }
        var asked: [(ChunkRequestBody.Granularity, Granularity?)] = []
        for name in names where !asked.contains(where: { $0.0 == name }) {
            switch name {
            case .sentence:
                asked.append((name, body.joinLines ?? false ? .sentenceAcrossLines : .sentence))
            case .paragraph: asked.append((name, .paragraph))
            case .line: asked.append((name, .line))
            case .spans:
                if body.spans == nil { throw .validation(field: "spans", "is missing") }
                asked.append((name, nil))
            case .tokens:
                let size = body.size ?? 256
                let overlap = body.overlap ?? 0
                if size < 1 { throw .validation(field: "size", "expected 1 or more, got \(size)") }
                if overlap < 0 || overlap >= size {
                    throw .validation(
                        field: "overlap", "expected 0 to \(size - 1), got \(overlap)")
                }
                asked.append((name, .tokens(size: size, overlap: overlap)))
            }
        }
        if body.spans != nil, !names.contains(.spans) {
            throw .validation(field: "spans", "needs the granularity \"spans\"")
        }
        return asked
    }

    /// The caller's spans for each text, checked against its length.
    private func spans(
        _ body: ChunkRequestBody, _ texts: [String]
    ) throws(APIError) -> [[Range<Int>]] {
        guard let lists = body.spans?.lists(isSingle: body.inputs.isSingle) else { return [] }
        guard lists.count == texts.count else {
            throw .validation(
                field: "spans", "has \(lists.count) lists for \(texts.count) texts")
        }
        let count = lists.reduce(0) { $0 + $1.count }
        if count > Self.maximumSpans {
            throw .tooMany(field: "spans", count: count, limit: Self.maximumSpans)
        }
        var ranges: [[Range<Int>]] = []
        for (index, spans) in lists.enumerated() {
            let length = texts[index].unicodeScalars.count
            var own: [Range<Int>] = []
            for (number, span) in spans.enumerated() {
                guard span.count == 2, span[0] >= 0, span[0] < span[1], span[1] <= length else {
                    let place = body.inputs.isSingle ? "[\(number)]" : "[\(index)][\(number)]"
                    throw .validation(
                        field: "spans" + place,
                        "expected a start and a later end within the text's \(length) characters")
                }
                own.append(span[0]..<span[1])
            }
            ranges.append(own)
        }
        return ranges
    }
}

/// The body of `/chunk`.
struct ChunkRequestBody: Decodable {
    /// The names that requests and answers use.
    enum Granularity: String, Decodable, CaseIterable {
        case sentence, paragraph, line, tokens, spans

        init(from decoder: any Decoder) throws { self = try NamedValue.decode(from: decoder) }
    }

    /// One name, or several.
    struct Granularities: Decodable {
        let names: [Granularity]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if (try? container.decode(String.self)) != nil {
                names = [try container.decode(Granularity.self)]
            } else {
                names = try container.decode([Granularity].self)
            }
        }
    }

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
    let granularity: Granularities?
    let size: Int?
    let overlap: Int?
    let spans: Spans?
    let joinLines: Bool?
    let returnText: Bool?
}
