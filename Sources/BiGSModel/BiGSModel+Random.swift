package import Kernels

extension BiGSModel {
    /// A model of `configuration`'s size with weights drawn from `seed` (the same on every
    /// machine), scaled so that activations stay O(1): for benchmarks and tests. It has the head
    /// that `architectures` names, a pooler, and Flax's form of GELU.
    package static func random(
        configuration: BiGSConfiguration, seed: UInt64, dtype: Precision = .float32
    ) throws(ModelError) -> BiGSModel {
        let outputs = configuration.head.outputs(configuration)
        let table = ParameterTable(
            configuration, head: configuration.head, outputs: outputs, hasPooler: true,
            untiedDecoder: !configuration.tieWordEmbeddings)
        var byPath: [String: Parameter] = [:]
        for parameter in table.parameters { byPath[parameter.path] = parameter }
        let source = ParameterSource(isTransposed: true) { path throws(ModelError) in
            guard let parameter = byPath[path] else {
                preconditionFailure("\(path) is not in the table of parameters")
            }
            return RandomWeights.values(of: parameter, seed: seed)
        }
        return try BiGSModel(
            configuration, head: configuration.head, outputs: outputs, gelu: .tanh, dtype: dtype,
            preNorm: configuration.preNorm, addsPositions: true, hasPooler: true, table: table,
            source: source)
    }
}

/// Weights as an untrained model has them, each tensor from a stream of its own.
enum RandomWeights {
    /// The values of `parameter`, row-major.
    static func values(of parameter: Parameter, seed: UInt64) -> [Float] {
        var stream = Stream(generator: SplitMix64(seed: seed ^ hash(parameter.path)))
        let count = parameter.count
        switch parameter.path.split(separator: ".").last {
        case "A_re": return Array(repeating: -0.5, count: count)
        case "A_im": return (0..<count).map { Float.pi * Float($0) }
        case "log_step": return [-4.6 + 2.3 * stream.unit()]
        case "D": return [1]
        case "C": return stream.uniform(count, scale: 1)
        default: break
        }
        switch parameter.role {
        case .gain: return Array(repeating: 1, count: count)
        case .dense:
            let inputs = parameter.shape.last ?? 1
            return stream.uniform(count, scale: (3 / Float(inputs)).squareRoot())
        case .embedding, .plain, .recurrence: return stream.uniform(count, scale: 0.02)
        }
    }

    /// FNV-1a: the same on every machine, unlike `Hasher`.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private struct Stream {
        var generator: SplitMix64

        /// A number in [-1, 1).
        mutating func unit() -> Float {
            Float(Int32(truncatingIfNeeded: generator.next() >> 40) - (1 << 23)) / Float(1 << 23)
        }

        /// `count` numbers in [-scale, scale).
        mutating func uniform(_ count: Int, scale: Float) -> [Float] {
            var values = [Float](repeating: 0, count: count)
            for index in values.indices { values[index] = scale * unit() }
            return values
        }
    }
}
