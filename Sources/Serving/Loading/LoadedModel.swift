package import BiGSModel
package import Checkpoints
import Crypto
import DocumentStore
package import Foundation
package import Kernels
package import Tokenization

/// Why a model directory could not be served.
package enum ModelLoadingError: Error, Sendable, CustomStringConvertible {
    /// The weight files are wrong.
    case checkpoint(CheckpointError)
    /// The weights are not a BiGS model's.
    case model(ModelError)
    /// The tokenizer's files are wrong.
    case tokenizer(TokenizerError)
    /// Another file of the directory is wrong.
    case badFile(path: String, reason: String)
    /// The tokenizer knows more tokens than the model has embeddings for.
    case vocabularyMismatch(tokenizer: Int, model: Int)
    /// The pooler was asked for, and the checkpoint has none.
    case poolerMissing

    package var description: String {
        switch self {
        case .checkpoint(let error): "\(error)"
        case .model(let error): "\(error)"
        case .tokenizer(let error): "\(error)".printable
        case .badFile(let path, let reason): "\(path): \(reason)".printable
        case .vocabularyMismatch(let tokenizer, let model):
            "the tokenizer has \(tokenizer) tokens, the model has embeddings for \(model)"
        case .poolerMissing: "--pooling pooler: the checkpoint has no pooler"
        }
    }
}

/// What the user may decide about a model when it is loaded; nil leaves it to the model's files.
package struct LoadingOptions: Sendable {
    /// The encoder's GELU; nil as the checkpoint's framework has it.
    package var gelu: GELUForm?
    /// What makes a vector of token states; nil as the model's files say.
    package var pooling: Pooling?
    /// How texts are padded; nil as the model's files say.
    package var padding: PaddingPolicy?
    /// The type that the layers compute in.
    package var dtype: Precision

    /// Leaves everything to the files.
    package init(
        gelu: GELUForm? = nil, pooling: Pooling? = nil, padding: PaddingPolicy? = nil,
        dtype: Precision = .float32
    ) {
        self.gelu = gelu
        self.pooling = pooling
        self.padding = padding
        self.dtype = dtype
    }
}

/// A model directory, loaded: weights, tokenizer, and the rules that make a text into numbers.
package struct LoadedModel: Sendable {
    /// The name under which it is served: the one it was given, else the directory's own.
    package let name: String
    /// The weights.
    package let model: BiGSModel
    /// Text to tokens.
    package let tokenizer: Tokenizer
    /// What makes a vector of token states.
    package let pooling: Pooling
    /// How texts are padded.
    package let padding: PaddingPolicy
    /// The length every text is padded to where `padding` is `maxLength`.
    package let paddedLength: Int
    /// The most tokens a text may have: as many as the model has positions, or as texts are padded to, or
    /// as its files say.
    package let window: Int
    /// Whether the tokens of a prompt have a part in pooling where it can leave them out;
    /// sentence-transformers' `include_prompt`.
    package let poolsPrompt: Bool
    /// Texts that requests may ask to be put before their inputs.
    package let prompts: Prompts
    /// SHA-256 over everything that decides a number: weights, configuration, tokenizer, pooling
    /// (and whether prompts are pooled), padding, a window below the model's, the default prompt, GELU
    /// form and element type.
    /// Vectors of different fingerprints are not comparable.
    package let fingerprint: [UInt8]

    /// The model's sizes and labels.
    package var configuration: BiGSConfiguration { model.configuration }
    /// The heads that this checkpoint can answer with; `none` is the plain encoder.
    package var heads: [Head] { model.head == .none ? [.none] : [.none, model.head] }
    /// The name of the type that the layers compute in.
    package var dtypeName: String { model.dtype.rawValue }
    /// The fingerprint in lower-case hexadecimal.
    package var fingerprintText: String { Hexadecimal.text(fingerprint) }

    /// Reads a directory as `save_pretrained` writes it; `name` is what requests call it by, nil the
    /// directory's own name.
    package static func load(
        directory: URL, name: String? = nil, options: LoadingOptions = LoadingOptions()
    ) throws(ModelLoadingError) -> LoadedModel {
        let checkpoint: Checkpoint
        do { checkpoint = try Checkpoint(directory: directory) } catch { throw .checkpoint(error) }
        let tensors = TensorDigest(of: checkpoint)
        let model: BiGSModel
        do {
            model = try BiGSModel.load(
                checkpoint, options: ModelOptions(gelu: options.gelu, dtype: options.dtype))
        } catch { throw .model(error) }
        let tokenizer: Tokenizer
        do { tokenizer = try Tokenizer(directory: directory) } catch { throw .tokenizer(error) }
        guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
            throw .vocabularyMismatch(
                tokenizer: tokenizer.vocabularySize, model: model.configuration.vocabularySize)
        }

        let fixed = tokenizer.fixedPaddingLength
        let modules = try SentenceModules(in: directory)
        let configured = try modules.pooling(in: directory, override: options.pooling)
        let pooling = options.pooling ?? configured?.mode ?? .mean
        let poolsPrompt = configured?.includesPrompt ?? true
        if pooling == .pooler, !model.hasPooler { throw .poolerMissing }
        let padding =
            options.padding
            ?? PaddingPolicy.configured(model.configuration, model.head, fixedLength: fixed)
        let positions = model.configuration.maximumPositions
        let paddedLength = min(fixed ?? positions, positions)
        let prompts = try Prompts.configured(in: directory)
        var rules = [
            "pooling=\(pooling.rawValue)", "padding=\(padding.rawValue):\(paddedLength)",
        ]
        if let prompt = prompts.default { rules.append("prompt=\(prompt)") }
        if !poolsPrompt, pooling.canLeaveOutPrompt { rules.append("include_prompt=false") }
        let own = padding.window(positions: positions, paddedLength: paddedLength)
        let window = modules.window(within: own)
        // Of a longer text another part is read.
        if window < own { rules.append("window=\(window)") }
        return LoadedModel(
            name: name ?? Self.name(of: directory), model: model,
            tokenizer: tokenizer, pooling: pooling, padding: padding, paddedLength: paddedLength,
            window: window, poolsPrompt: poolsPrompt, prompts: prompts,
            fingerprint: fingerprint(
                checkpoint, tensors, model, tokenizer, rules: rules))
    }

    /// What a model is called that was given no name: as its directory.
    package static func name(of directory: URL) -> String {
        directory.standardizedFileURL.lastPathComponent
    }

    /// Whether a request may call the model so: by its name, of which a hub's owner may be left out.
    package func isCalled(_ name: String) -> Bool {
        self.name == name || self.name.hasSuffix("/" + name)
    }

    /// Whether the model judges pairs of texts by one number: a reranker.
    package var isCrossEncoder: Bool {
        model.head == .sequenceClassification && configuration.labels.count == 1
    }

    private static func fingerprint(
        _ checkpoint: Checkpoint, _ tensors: TensorDigest, _ model: BiGSModel,
        _ tokenizer: Tokenizer, rules: [String]
    ) -> [UInt8] {
        var hash = SHA256()
        func add(_ text: String) { hash.update(data: Data("\(text.utf8.count):\(text)\n".utf8)) }
        add("bigs-fingerprint-2")
        add("dtype=\(model.dtype.rawValue)")
        add("gelu=\(model.gelu.rawValue)")
        for rule in rules { add(rule) }
        hash.update(data: checkpoint.configuration)
        hash.update(data: tokenizer.fingerprintData)
        hash.update(data: tensors.wait())
        return Array(hash.finalize())
    }
}

extension PaddingPolicy {
    /// The most tokens of a text that a model with so many positions reads.
    func window(positions: Int, paddedLength: Int) -> Int {
        self == .maxLength ? paddedLength : positions
    }

    /// What a model's files ask for: the configuration's word; else a fixed length in tokenizer.json;
    /// else as the reference trains its head.
    static func configured(
        _ configuration: BiGSConfiguration, _ head: Head, fixedLength: Int?
    ) -> PaddingPolicy {
        configuration.padding ?? (fixedLength == nil ? head.defaultPadding : .maxLength)
    }
}
