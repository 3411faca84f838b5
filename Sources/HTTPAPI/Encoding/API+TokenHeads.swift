import BiGSModel
import HTTPServer
import HTTPTypes
import Serving

/// Routes of heads that read tokens, in the shapes of Hugging Face's pipelines.
extension API {
    /// The most candidates of a mask.
    static let maximumCandidates = 1_000

    /// `POST /fill-mask`: the likeliest tokens in place of each mask.
    func fillMask(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<FillMaskBody>.self, request)
        let service = try service(request, body.options.model)
        let inputs = body.value.inputs.items
        let names = try accept(inputs, "inputs", isSingle: body.value.inputs.isSingle)
        let top = try top(body.options) ?? 5
        guard top <= Self.maximumCandidates else {
            throw .validation(
                field: "top_k", "expected 1 to \(Self.maximumCandidates), got \(top)")
        }
        let rules = rules(body.options, request)
        let result = try await encode(names) { () async throws(ServiceError) in
            try await service.fillMasks(
                inputs, rules: rules, top: top, targets: body.value.targets?.names)
        }
        var writer = JSONWriter()
        func write(_ text: FilledText, _ writer: inout JSONWriter) {
            // One mask has its candidates, several have a list of candidates each.
            if text.masks.count == 1 {
                write(text.masks[0], &writer)
            } else {
                writer.array { writer in for mask in text.masks { write(mask, &writer) } }
            }
        }
        func write(_ candidates: [MaskCandidate], _ writer: inout JSONWriter) {
            writer.array { writer in
                for candidate in candidates {
                    writer.object { writer in
                        writer.key("score")
                        writer.number(candidate.score)
                        writer.key("token")
                        writer.number(Int(candidate.id))
                        writer.key("token_str")
                        writer.string(candidate.token)
                        writer.key("sequence")
                        writer.string(candidate.sequence)
                    }
                }
            }
        }
        if body.value.inputs.isSingle {
            write(result.values[0], &writer)
        } else {
            writer.array { writer in for text in result.values { write(text, &writer) } }
        }
        return answer(writer, result.values.map(\.usage), result.timings, inputs)
    }

    /// `POST /token_classification`: labels of tokens, or of what they name together.
    func tokenClassification(
        _ request: ServerRequest
    ) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<TokenClassificationBody>.self, request)
        let service = try service(request, body.options.model)
        let texts = body.value.inputs.items
        let inputs = texts.map(EncodingInput.text)
        let names = try accept(inputs, "inputs", isSingle: body.value.inputs.isSingle)
        let rules = rules(body.options, request)
        let result = try await encode(names) { () async throws(ServiceError) in
            try await service.classifyTokens(inputs, rules: rules)
        }
        let strategy = body.value.strategy ?? .none
        let aggregation = EntityAggregation(
            labels: service.loaded.configuration.labels, tokenizer: service.loaded.tokenizer,
            strategy: strategy)
        let ignored = Set(body.value.ignoreLabels ?? ["O"])
        let lists = zip(texts, result.values).map { text, scores in
            aggregation.entities(
                of: text, logits: scores.logits, tokenIDs: scores.tokenIDs,
                offsets: scores.offsets, ignoring: ignored)
        }
        var writer = JSONWriter()
        func write(_ entities: [Entity], _ writer: inout JSONWriter) {
            writer.array { writer in
                for entity in entities {
                    writer.object { writer in
                        if strategy == .none {
                            writer.key("entity")
                        } else {
                            writer.key("entity_group")
                        }
                        writer.string(entity.label)
                        writer.key("score")
                        writer.number(entity.score)
                        if let index = entity.index {
                            writer.key("index")
                            writer.number(index)
                        }
                        writer.key("word")
                        writer.string(entity.word)
                        writer.key("start")
                        writer.number(entity.range.lowerBound)
                        writer.key("end")
                        writer.number(entity.range.upperBound)
                    }
                }
            }
        }
        if body.value.inputs.isSingle {
            write(lists[0], &writer)
        } else {
            writer.array { writer in for list in lists { write(list, &writer) } }
        }
        return answer(writer, result.values.map(\.usage), result.timings, inputs)
    }

    /// `POST /answer`: answers to a question, with their place in the context.
    func answerQuestion(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<AnswerBody>.self, request)
        let service = try service(request, body.options.model)
        let asked = body.value
        let inputs = [EncodingInput.pair(asked.question, asked.context)]
        received(inputs, isSingle: true)
        if asked.question.isEmpty { throw .validation(field: "question", "cannot be empty") }
        if asked.context.isEmpty { throw .validation(field: "context", "cannot be empty") }
        var selection = AnswerSelection()
        selection.top = try top(body.options) ?? 1
        selection.maximumLength = asked.maxAnswerLen ?? 15
        selection.allowsNone = asked.handleImpossibleAnswer ?? false
        selection.alignsToWords = asked.alignToWords ?? true
        for (field, value, range) in [
            ("top_k", selection.top, 1...100), ("max_answer_len", selection.maximumLength, 1...512),
            ("doc_stride", asked.docStride ?? 0, 0...1 << 20),
            ("max_seq_len", asked.maxSeqLen ?? 1, 1...1 << 20),
        ] where !range.contains(value) {
            throw .validation(
                field: field, "expected \(range.lowerBound) to \(range.upperBound), got \(value)")
        }
        let names = InputNames("context", isSingle: true)
        let rules = rules(body.options, request)
        let (result, usage) = try await encode(names) { () async throws(ServiceError) in
            try await service.answer(
                asked.question, context: asked.context, selection: selection,
                maximumLength: asked.maxSeqLen, stride: asked.docStride, cache: rules.cache)
        }
        var writer = JSONWriter()
        func write(_ answer: AnswerSpan, _ writer: inout JSONWriter) {
            writer.object { writer in
                writer.key("score")
                writer.number(answer.score)
                writer.key("start")
                writer.number(answer.range.lowerBound)
                writer.key("end")
                writer.number(answer.range.upperBound)
                writer.key("answer")
                writer.string(answer.text)
            }
        }
        // As the pipeline has it: one answer alone, several in a list.
        if result.values.count == 1 {
            write(result.values[0], &writer)
        } else {
            writer.array { writer in for answer in result.values { write(answer, &writer) } }
        }
        return answer(writer, [usage], result.timings, inputs)
    }

    private func answer(
        _ writer: JSONWriter, _ usage: [TokenUsage], _ timings: EncodingResult.Timings,
        _ inputs: [EncodingInput]
    ) -> ServerResponse {
        response(
            writer, EncodingResult(uncached: usage, timings: timings),
            inputs)
    }
}
