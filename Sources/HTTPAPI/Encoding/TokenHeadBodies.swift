import Serving

/// The body of `/fill-mask`.
struct FillMaskBody: Decodable {
    /// One target, or several.
    struct Targets: Decodable {
        let names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let name = try? container.decode(String.self) {
                names = [name]
            } else {
                names = try container.decode([String].self)
            }
        }
    }

    let inputs: Inputs
    let targets: Targets?

    private enum CodingKeys: String, CodingKey { case inputs, targets, parameters }

    init(from decoder: any Decoder) throws {
        inputs = try decoder.container(keyedBy: CodingKeys.self)
            .decode(Inputs.self, forKey: .inputs)
        targets = try NestedOptions(decoder, parameters: CodingKeys.parameters).value(.targets)
    }
}

/// The body of `/token_classification`.
struct TokenClassificationBody: Decodable {
    private struct Strategy: Decodable {
        let value: AggregationStrategy

        init(from decoder: any Decoder) throws { value = try NamedValue.decode(from: decoder) }
    }

    let inputs: Texts
    let strategy: AggregationStrategy?
    let ignoreLabels: [String]?

    private enum CodingKeys: String, CodingKey {
        case inputs, aggregationStrategy, ignoreLabels, parameters
    }

    init(from decoder: any Decoder) throws {
        inputs = try decoder.container(keyedBy: CodingKeys.self)
            .decode(Texts.self, forKey: .inputs)
        let options = try NestedOptions(decoder, parameters: CodingKeys.parameters)
        let named: Strategy? = try options.value(.aggregationStrategy)
        strategy = named?.value
        ignoreLabels = try options.value(.ignoreLabels)
    }
}

/// The body of `/answer`: question and context by themselves, or in `inputs` as Hugging Face's clients
/// send them, with the options beside them or in `parameters`.
struct AnswerBody: Decodable {
    let question: String
    let context: String
    let maxAnswerLen: Int?
    let docStride: Int?
    let maxSeqLen: Int?
    let handleImpossibleAnswer: Bool?
    let alignToWords: Bool?

    private enum CodingKeys: String, CodingKey {
        case inputs, question, context, maxAnswerLen, docStride, maxSeqLen
        case handleImpossibleAnswer, alignToWords, parameters
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let texts =
            container.contains(.inputs)
            ? try container.nestedContainer(keyedBy: CodingKeys.self, forKey: .inputs) : container
        question = try texts.decode(String.self, forKey: .question)
        context = try texts.decode(String.self, forKey: .context)
        let options = try NestedOptions(decoder, parameters: CodingKeys.parameters)
        maxAnswerLen = try options.value(.maxAnswerLen)
        docStride = try options.value(.docStride)
        maxSeqLen = try options.value(.maxSeqLen)
        handleImpossibleAnswer = try options.value(.handleImpossibleAnswer)
        alignToWords = try options.value(.alignToWords)
    }
}
