internal import Checkpoints
internal import Kernels

extension ModelFiles {
    /// Everything that is wrong with the tensors, in the order of the model, unknown ones last. Where
    /// they share their numbers, nothing else: reading them all could take any time.
    func problems() -> [ModelProblem] {
        if let problem = checkSharing() { return [problem] }
        var problems: [ModelProblem] = []
        var expected: Set<String> = []
        for parameter in table.parameters {
            let name = naming.name(of: parameter)
            expected.insert(name)
            problems += check(parameter, name: name)
        }
        if head == .maskedLM, Activation(hiddenAct: configuration.hiddenActivation) == nil {
            problems.append(.unsupportedActivation(name: configuration.hiddenActivation))
        }
        for name in checkpoint.tensors.keys.sorted() where !expected.contains(name) {
            if let problem = checkExtra(name) { problems.append(problem) }
        }
        return problems
    }

    /// The tensors of PyTorch files are views and may lie over each other. They may not make a small
    /// file into a large model; only a decoder may be the word embeddings all the same.
    private func checkSharing() -> ModelProblem? {
        let bytes = table.parameters.reduce(0) { sum, parameter in
            guard parameter.path != ParameterTable.decoderPath,
                let tensor = checkpoint.tensors[naming.name(of: parameter)]
            else { return sum }
            return sum + tensor.count * tensor.type.size
        }
        let stored = checkpoint.storedBytes
        return bytes <= stored ? nil : .sharedNumbers(bytes: bytes, stored: stored)
    }

    private func check(_ parameter: Parameter, name: String) -> [ModelProblem] {
        let shape = naming.shape(of: parameter)
        guard let tensor = checkpoint.tensors[name] else {
            return [.missing(tensor: name, shape: shape)]
        }
        guard tensor.shape == shape else {
            return [.wrongShape(tensor: name, expected: shape, got: tensor.shape)]
        }
        do {
            if let index = try tensor.firstNonFinite() {
                return [.nonFinite(tensor: name, index: index)]
            }
            guard parameter.path.hasSuffix(".log_step") else { return [] }
            return try tensor.floats().filter { abs($0) > Self.largestLogStep }
                .map { step in
                    let allowed = "-\(Self.largestLogStep) to \(Self.largestLogStep)"
                    return .outOfRange(tensor: name, value: step, allowed: allowed)
                }
        } catch {
            return [.unreadable(tensor: name, reason: "\(error)")]
        }
    }

    /// Beyond this the step, exp(log_step), is no float32 that a recurrence could run with.
    private static let largestLogStep: Float = 80

    /// What is wrong with a tensor outside the table: the buffers and the tied copies that
    /// PyTorch writes are fine as long as they say what the model does anyway.
    private func checkExtra(_ name: String) -> ModelProblem? {
        do {
            switch name {
            case naming.prefix + "embeddings.position_ids":
                let positions = try integers(name)
                return positions.elementsEqual(0..<Int64(positions.count))
                    ? nil : .unusualPositions(tensor: name)
            case naming.prefix + "embeddings.token_type_ids":
                return try integers(name).allSatisfy { $0 == 0 } ? nil : .unknown(tensor: name)
            case "cls.predictions.decoder.bias" where head == .maskedLM:
                let bias = "cls.predictions.bias"
                guard checkpoint.tensors[bias] != nil else { return nil }
                return try values(name) == values(bias)
                    ? nil : .conflict(tensor: name, with: bias)
            case "cls.predictions.decoder.weight" where head == .maskedLM,
                "cls.predictions.decoder.kernel" where head == .maskedLM:
                return try checkTiedDecoder(name)
            default:
                return .unknown(tensor: name)
            }
        } catch {
            return .unreadable(tensor: name, reason: "\(error)")
        }
    }

    /// A stored decoder of a tied model must be the word embedding table.
    private func checkTiedDecoder(_ name: String) throws(CheckpointError) -> ModelProblem? {
        guard let words = table.parameters.first(where: { $0.role == .embedding }) else {
            return nil
        }
        let other = naming.name(of: words)
        guard let table = checkpoint.tensors[other], let decoder = checkpoint.tensors[name] else {
            return nil
        }
        let expected = naming.framework == .flax ? table.shape.reversed() : table.shape
        guard decoder.shape == expected else {
            return .wrongShape(tensor: name, expected: expected, got: decoder.shape)
        }
        let (rows, columns) = (configuration.vocabularySize, configuration.hiddenSize)
        guard table.shape == [rows, columns] else { return nil }
        let (a, b) = (try table.floats(), try decoder.floats())
        let equal =
            naming.framework == .pytorch
            ? a == b
            : (0..<rows).allSatisfy { row in
                (0..<columns).allSatisfy { a[row * columns + $0] == b[$0 * rows + row] }
            }
        return equal ? nil : .conflict(tensor: name, with: other)
    }

    private func integers(_ name: String) throws(CheckpointError) -> [Int64] {
        guard let tensor = checkpoint.tensors[name] else { return [] }
        return try tensor.integers()
    }

    private func values(_ name: String) throws(CheckpointError) -> [Float] {
        guard let tensor = checkpoint.tensors[name] else { return [] }
        return try tensor.floats()
    }
}
