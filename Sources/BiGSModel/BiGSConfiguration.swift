package import Foundation

/// The size and the contract of a BiGS model: config.json as `save_pretrained` writes it, every
/// field checked, so that no later code meets a number that it cannot use.
package struct BiGSConfiguration: Sendable, Equatable {
    /// Rows of the word embedding table (`vocab_size`).
    package let vocabularySize: Int
    /// Width of the residual stream, H (`hidden_size`).
    package let hiddenSize: Int
    /// Width of the gate, I (`intermediate_size`).
    package let intermediateSize: Int
    /// Number of layers (`num_hidden_layers`).
    package let layerCount: Int
    /// Complex states per recurrence, N (`num_ssm`).
    package let stateSize: Int
    /// The most tokens a text may have (`max_position_embeddings`).
    package let maximumPositions: Int
    /// Rows of the token type table (`type_vocab_size`).
    package let typeVocabularySize: Int
    /// What a LayerNorm adds to the variance (`layer_norm_eps`).
    package let layerNormEpsilon: Float
    /// LayerNorm before the layer (true) or after the sum (false; only Flax honours false).
    package let preNorm: Bool
    /// What the pooler averages.
    package let poolerType: PoolerType
    /// Activation of the masked LM head (`hidden_act`); the encoder does not use it.
    package let hiddenActivation: String
    /// "absolute" adds a position embedding; PyTorch drops it for any other value.
    package let positionEmbeddingType: String
    /// The id of [PAD] (`pad_token_id`).
    package let padTokenID: Int32
    /// The names of a classifier's outputs, in the order of their ids.
    package let labels: [String]
    /// "single_label_classification", "multi_label_classification", "regression", or unsaid.
    package let problemType: String?
    /// True when the masked LM decoder is the word embedding table (`tie_word_embeddings`).
    package let tieWordEmbeddings: Bool
    /// What the configuration itself says about padding (our own field `padding`).
    package let padding: PaddingPolicy?
    /// The reference's class names (`architectures`).
    package let architectures: [String]
    /// The head that `architectures` names, `.none` where it names none of them.
    package let head: Head

    /// What the pooler averages. Any value but "mean" averages over the attention mask.
    package enum PoolerType: String, Sendable {
        /// Over the positions that the attention mask selects, weighted by its values.
        case maskedMean = "non_padding_mean"
        /// Over every position, pads included.
        case mean
    }

    /// Reads config.json. Throws `ModelError.configuration` naming the field that is wrong.
    package init(json: Data) throws(ModelError) {
        do {
            try self.init(validating: json)
        } catch {
            throw .configuration(error)
        }
    }

    /// Reads config.json. Throws what is wrong with the first field that is wrong.
    init(validating json: Data) throws(ConfigurationError) {
        var reader = try ConfigurationReader(json: json)
        self.init(&reader)
        if let problem = reader.problems.first { throw problem }
    }

    /// Everything that is wrong with a config.json.
    package static func problems(in json: Data) -> [ConfigurationError] {
        do throws(ConfigurationError) {
            var reader = try ConfigurationReader(json: json)
            _ = BiGSConfiguration(&reader)
            return reader.problems
        } catch {
            return [error]
        }
    }

    /// Reads every field; what is wrong stands in the reader then.
    private init(_ reader: inout ConfigurationReader) {
        reader.refuseOtherModels(unless: "num_ssm")
        vocabularySize = reader.integer("vocab_size", in: 1...16_777_216)
        hiddenSize = reader.integer("hidden_size", in: 1...65_536)
        // As long as the sums of 8-bit products hold in 32 bits.
        intermediateSize = reader.integer("intermediate_size", in: 1...65_536)
        layerCount = reader.integer("num_hidden_layers", in: 1...1_024)
        stateSize = reader.integer("num_ssm", in: 1...65_536)
        maximumPositions = reader.integer("max_position_embeddings", in: 1...1_048_576)
        typeVocabularySize = reader.integer("type_vocab_size", in: 1...65_536, default: 2)
        layerNormEpsilon = Float(
            reader.number("layer_norm_eps", in: 0...1, default: 1e-12))
        preNorm = reader.boolean("pre_norm", default: true)
        poolerType = reader.string("pooler_type") == "mean" ? .mean : .maskedMean
        hiddenActivation = reader.string("hidden_act") ?? "gelu"
        positionEmbeddingType = reader.string("position_embedding_type") ?? "absolute"
        padTokenID = Int32(
            reader.integer("pad_token_id", in: 0...(vocabularySize - 1), default: 0))
        problemType = reader.string("problem_type")
        tieWordEmbeddings = reader.boolean("tie_word_embeddings", default: true)
        architectures = reader.strings("architectures")
        head = architectures.lazy.compactMap(Head.init(architecture:)).first ?? .none

        padding = reader.oneOf("padding", allowed: "\"none\" or \"max-length\"")

        let labelLimit = 65_536
        if let names = reader.indexedStrings("id2label", atMost: labelLimit) {
            labels = names
        } else {
            let count = reader.integer("num_labels", in: 1...labelLimit, default: 2)
            labels = (0..<count).map { "LABEL_\($0)" }
        }
    }

    /// A configuration made in memory, for benchmarks and tests: an encoder with a pooler, no
    /// head, no padding and the reference's defaults. Every size must be positive.
    package init(
        vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int,
        stateSize: Int, maximumPositions: Int
    ) {
        precondition(
            min(vocabularySize, hiddenSize, intermediateSize, layerCount) > 0
                && min(stateSize, maximumPositions) > 0, "every size is positive")
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layerCount = layerCount
        self.stateSize = stateSize
        self.maximumPositions = maximumPositions
        typeVocabularySize = 2
        layerNormEpsilon = 1e-12
        preNorm = true
        poolerType = .maskedMean
        hiddenActivation = "gelu"
        positionEmbeddingType = "absolute"
        padTokenID = 0
        labels = ["LABEL_0", "LABEL_1"]
        problemType = nil
        tieWordEmbeddings = true
        padding = PaddingPolicy.none
        architectures = [Head.none.architecture]
        head = .none
    }
}
