import Foundation
import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// The most pairs of text and candidate label in one request.
    private static let maximumPairs = 2_048

    /// `POST /classify`: the classification head, or labels it was never trained on, in OpenAI's shape.
    /// The header `x-scoring` says what judged.
    func classify(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        try await classify(request, asPipeline: false)
    }

    /// - Parameter asPipeline: whether to answer the labels alone, as Hugging Face's pipeline does.
    func classify(
        _ request: ServerRequest, asPipeline: Bool
    ) async throws(APIError) -> ServerResponse {
        let body = try await decode(WithOptions<ClassifyBody>.self, request)
        let service = try service(request, body.options.model)
        let inputs = body.value.input.items
        let names = try accept(inputs, body.value.field, isSingle: body.value.input.isSingle)
        let top = try top(body.options)
        let rules = rules(body.options, request)
        let lists: [[LabelScore]]
        let result: EncodingResult
        let usage: [TokenUsage]
        var read = inputs
        let method: ScoringMethod
        if let labels = body.value.candidateLabels {
            let judged = try await zeroShot(
                inputs, labels, body.value, names, body.options.function, service, rules)
            (lists, result, usage) = (judged.lists, judged.result, judged.usage)
            (read, method) = (inputs + judged.labels, judged.method)
        } else {
            method = .head
            result = try await encode(names) { () async throws(ServiceError) in
                try await service.classify(inputs, rules: rules)
            }
            let classification = Classification(service.loaded)
            lists = result.vectors.map {
                classification.ranked($0, by: body.options.function)
            }
            usage = result.usage
        }
        var writer = JSONWriter()
        func write(_ list: [LabelScore], _ writer: inout JSONWriter) {
            writer.labels(Array(list.prefix(top ?? list.count)))
        }
        func writeAll(_ writer: inout JSONWriter) {
            writer.array { writer in for list in lists { write(list, &writer) } }
        }
        if asPipeline {
            if body.value.input.isSingle { write(lists[0], &writer) } else { writeAll(&writer) }
        } else {
            writer.object { writer in
                writer.key("object")
                writer.string("classify")
                writer.key("data")
                writeAll(&writer)
                writer.key("model")
                writer.string(service.loaded.name)
                writer.openAIUsage(result.usage)
                // With candidate labels that are read beside the text, of all those pairs together.
                writer.key("inputs")
                writer.array { writer in
                    for usage in usage { writer.object { $0.tokens(usage) } }
                }
            }
        }
        var response = response(writer, result, read)
        response.headers[.scoring] = method.rawValue
        return response
    }

    /// What came of candidate labels.
    private struct Judged {
        /// Labels by falling score for each text.
        let lists: [[LabelScore]]
        /// What all that was encoded took.
        let result: EncodingResult
        /// The texts' part of it.
        let usage: [TokenUsage]
        /// Labels that were encoded as texts of their own.
        var labels: [EncodingInput] = []
        let method: ScoringMethod
    }

    private func zeroShot(
        _ inputs: [EncodingInput], _ labels: [String], _ body: ClassifyBody, _ names: InputNames,
        _ function: ScoreFunction?, _ service: EncodingService, _ rules: EncodingRules
    ) async throws(APIError) -> Judged {
        if labels.isEmpty { throw .validation(field: "candidate_labels", "cannot be empty") }
        if let index = labels.firstIndex(where: \.isEmpty) {
            throw .validation(field: "candidate_labels[\(index)]", "cannot be empty")
        }
        if inputs.count * labels.count > Self.maximumPairs {
            throw .tooMany(
                field: "candidate_labels", count: inputs.count * labels.count,
                limit: Self.maximumPairs)
        }
        var texts: [String] = []
        for (index, input) in inputs.enumerated() {
            guard case .text(let text) = input else {
                throw .validation(
                    field: names[index], "candidate labels need a text, not token ids")
            }
            texts.append(text)
        }
        let raw = function == .identity
        let independent = body.multiLabel ?? (function == .sigmoid)
        let entailment = EntailmentScoring(service.loaded)
        // To be compared, a label stands for itself: a sentence around it would make all alike.
        let template = body.hypothesisTemplate ?? (entailment == nil ? "{}" : "This example is {}.")
        let hypotheses = try HypothesisTemplate(template).hypotheses(
            for: labels, upTo: settings.maximumBodyBytes)
        if let entailment {
            let pairs = texts.flatMap { text in
                hypotheses.map { EncodingInput.pair(text, $0) }
            }
            let paired = InputNames(names.field) { names[$0 / labels.count] }
            var result = try await encode(paired) { () async throws(ServiceError) in
                try await service.classify(pairs, rules: rules)
            }
            let lists = texts.indices.map { index in
                let logits = Array(
                    result.vectors[index * labels.count..<(index + 1) * labels.count])
                let scores =
                    raw
                    ? entailment.raw(logits)
                    : entailment.scores(logits, independent: independent)
                return ranked(labels, scores)
            }
            // What the text was cut to is the same for each label but for the label's own length.
            result.usage = texts.indices.map { index in
                let usage = result.usage[index * labels.count..<(index + 1) * labels.count]
                return TokenUsage(
                    tokens: usage.reduce(0) { $0 + $1.tokens },
                    tokensUsed: usage.reduce(0) { $0 + $1.tokensUsed })
            }
            return Judged(lists: lists, result: result, usage: result.usage, method: .entailment)
        }
        let count = texts.count
        let all = InputNames(names.field) {
            $0 < count ? names[$0] : "candidate_labels[\($0 - count)]"
        }
        let result = try await encode(all) { [texts] () async throws(ServiceError) in
            try await service.embed((texts + hypotheses).map(EncodingInput.text), rules: rules)
        }
        let named = result.vectors[texts.count...]
        let lists = texts.indices.map { index in
            let cosines = named.map { Similarity.cosine(result.vectors[index], $0) }
            return ranked(
                labels,
                raw ? cosines : CosineScoring.scores(cosines, independent: independent))
        }
        return Judged(
            lists: lists, result: result, usage: Array(result.usage.prefix(texts.count)),
            labels: hypotheses.map(EncodingInput.text), method: .cosine)
    }

    private func ranked(_ labels: [String], _ scores: [Float]) -> [LabelScore] {
        scores.fallingOrder.map { LabelScore(label: labels[$0], score: scores[$0]) }
    }
}

/// The body of `/classify`: `input` as OpenAI has it, or `inputs` as Hugging Face's clients send it,
/// with the options beside it or in `parameters`.
struct ClassifyBody: Decodable {
    let input: Inputs
    /// What the caller named the texts.
    let field: String
    let candidateLabels: [String]?
    let hypothesisTemplate: String?
    let multiLabel: Bool?

    private enum CodingKeys: String, CodingKey {
        case input, inputs, candidateLabels, hypothesisTemplate, multiLabel, parameters
    }

    /// One label, or several: as a list, or with commas between them as in Hugging Face's pipeline.
    private struct Labels: Decodable {
        let names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                names = text.split(separator: ",").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
            } else {
                names = try container.decode([String].self)
            }
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if !container.contains(.input), container.contains(.inputs) {
            input = try container.decode(Inputs.self, forKey: .inputs)
            field = "inputs"
        } else {
            input = try container.decode(Inputs.self, forKey: .input)
            field = "input"
        }
        let options = try NestedOptions(decoder, parameters: CodingKeys.parameters)
        let labels: Labels? = try options.value(.candidateLabels)
        candidateLabels = labels?.names
        hypothesisTemplate = try options.value(.hypothesisTemplate)
        multiLabel = try options.value(.multiLabel)
    }
}
