/// One tensor of a BiGS model, independent of how a file spells and lays it out.
struct Parameter: Hashable, Sendable {
    /// What the tensor is: it decides the last word of its name and the order of its axes.
    enum Role: Sendable {
        /// The matrix of a dense layer, shape [outputs, inputs] here and in PyTorch, transposed
        /// in Flax.
        case dense
        /// The gain of a LayerNorm.
        case gain
        /// A table of embeddings.
        case embedding
        /// A parameter of a recurrence that PyTorch keeps in a submodule "kernel".
        case recurrence
        /// A bias, or D of a recurrence: the same in both frameworks.
        case plain
    }

    /// The path without the prefix of the encoder, for example "encoder.layer.0.dv.weight".
    let path: String
    let role: Role
    /// The shape as PyTorch has it.
    let shape: [Int]
    /// True for tensors of the encoder, which carry its prefix in a checkpoint with a head.
    let isEncoder: Bool

    /// Number of elements.
    var count: Int { shape.reduce(1, *) }
}

/// Every tensor of a model, by the reference's names (github.com/jxiw/BiGS): the one table that
/// loading, checking and random initialisation go by.
struct ParameterTable: Sendable {
    /// The path of the masked LM decoder.
    static let decoderPath = "cls.predictions.decoder.weight"

    private(set) var parameters: [Parameter] = []

    /// Numbers in all tensors together.
    var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

    /// The tensors of `head` on an encoder of `configuration`'s size; `outputs` is the width of
    /// the classifier (0 where the head has none).
    init(
        _ configuration: BiGSConfiguration, head: Head, outputs: Int, hasPooler: Bool,
        untiedDecoder: Bool
    ) {
        let hidden = configuration.hiddenSize
        addEncoder(configuration)
        if hasPooler { dense("pooler.dense", from: hidden, to: hidden, isEncoder: true) }
        switch head {
        case .none: break
        case .maskedLM:
            dense("cls.predictions.transform.dense", from: hidden, to: hidden)
            norm("cls.predictions.transform.LayerNorm", hidden)
            let vocabulary = configuration.vocabularySize
            add("cls.predictions.bias", .plain, [vocabulary], isEncoder: false)
            if untiedDecoder {
                add(Self.decoderPath, .dense, [vocabulary, hidden], isEncoder: false)
            }
        case .questionAnswering: dense("qa_outputs", from: hidden, to: outputs)
        case .sequenceClassification, .tokenClassification, .multipleChoice:
            dense("classifier", from: hidden, to: outputs)
        }
    }

    private mutating func addEncoder(_ configuration: BiGSConfiguration) {
        let hidden = configuration.hiddenSize
        let gate = configuration.intermediateSize
        let tables = [
            ("word_embeddings", configuration.vocabularySize),
            ("position_embeddings", configuration.maximumPositions),
            ("token_type_embeddings", configuration.typeVocabularySize),
        ]
        for (name, rows) in tables {
            add("embeddings.\(name).weight", .embedding, [rows, hidden], isEncoder: true)
        }
        norm("embeddings.LayerNorm", hidden, isEncoder: true)
        for index in 0..<configuration.layerCount {
            let layer = "encoder.layer.\(index)"
            norm("\(layer).LayerNorm", hidden, isEncoder: true)
            for direction in ["fs4", "bs4"] {
                let states = configuration.stateSize
                add("\(layer).\(direction).A_re", .recurrence, [states], isEncoder: true)
                add("\(layer).\(direction).A_im", .recurrence, [states], isEncoder: true)
                add("\(layer).\(direction).C", .recurrence, [states, 2], isEncoder: true)
                add("\(layer).\(direction).log_step", .recurrence, [1], isEncoder: true)
                add("\(layer).\(direction).D", .plain, [1], isEncoder: true)
            }
            dense("\(layer).dv", from: hidden, to: gate, isEncoder: true)
            for name in ["du_forward", "du_backward", "duc_forward", "duc_backward"] {
                dense("\(layer).\(name)", from: hidden, to: hidden, isEncoder: true)
            }
            dense("\(layer).dol", from: hidden, to: gate, isEncoder: true)
            dense("\(layer).do", from: gate, to: hidden, isEncoder: true)
        }
    }

    private mutating func dense(
        _ path: String, from inputs: Int, to outputs: Int, isEncoder: Bool = false
    ) {
        add("\(path).weight", .dense, [outputs, inputs], isEncoder: isEncoder)
        add("\(path).bias", .plain, [outputs], isEncoder: isEncoder)
    }

    private mutating func norm(_ path: String, _ width: Int, isEncoder: Bool = false) {
        add("\(path).weight", .gain, [width], isEncoder: isEncoder)
        add("\(path).bias", .plain, [width], isEncoder: isEncoder)
    }

    private mutating func add(
        _ path: String, _ role: Parameter.Role, _ shape: [Int], isEncoder: Bool
    ) {
        parameters.append(
            Parameter(path: path, role: role, shape: shape, isEncoder: isEncoder))
    }
}
