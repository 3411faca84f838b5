internal import Kernels

/// Turns the tensors of a model, asked for by path, into the parts that compute with them.
struct ParameterSource {
    /// True when a dense layer's matrix is [outputs, inputs] (PyTorch), false for [inputs, outputs].
    let isTransposed: Bool
    /// The values of the tensor at a path of `ParameterTable`, row-major.
    let values: (String) throws(ModelError) -> [Float]

    /// The dense layer at `path`.
    func dense(
        _ path: String, from inputs: Int, to outputs: Int, activation: Activation = .none,
        precision: Precision = .float32, stage: Stage = .head
    ) throws(ModelError) -> DenseProjection {
        DenseProjection(
            weight: try values("\(path).weight"), transposed: isTransposed,
            bias: try values("\(path).bias"), inputs: inputs, outputs: outputs,
            activation: activation, precision: precision, stage: stage)
    }

    /// The LayerNorm at `path`.
    func norm(_ path: String, epsilon: Float) throws(ModelError) -> LayerNorm {
        LayerNorm(
            weight: try values("\(path).weight"), bias: try values("\(path).bias"),
            epsilon: epsilon)
    }

    /// The recurrence at `path`.
    func recurrence(
        _ path: String, _ direction: Direction, maximumLength: Int
    ) throws(ModelError) -> SSMConvolution {
        let step = try values("\(path).log_step")
        let skip = try values("\(path).D")
        precondition(step.count == 1 && skip.count == 1, "the table was checked")
        let parameters = SSMParameters(
            aRe: try values("\(path).A_re"), aIm: try values("\(path).A_im"),
            c: try values("\(path).C"), logStep: step[0], d: skip[0])
        return SSMConvolution(
            parameters: parameters, direction: direction, maximumLength: maximumLength)
    }

    /// Layer `index` of the encoder.
    func layer(
        _ index: Int, _ configuration: BiGSConfiguration, gelu: GELUForm, preNorm: Bool,
        dtype: Precision
    ) throws(ModelError) -> BiGSLayer {
        let path = "encoder.layer.\(index)"
        let (hidden, gate) = (configuration.hiddenSize, configuration.intermediateSize)
        let length = configuration.maximumPositions
        let form: Activation = gelu == .tanh ? .geluTanh : .geluErf
        func dense(
            _ name: String, from inputs: Int, to outputs: Int, _ stage: Stage,
            _ activation: Activation = .none
        ) throws(ModelError) -> DenseProjection {
            try self.dense(
                "\(path).\(name)", from: inputs, to: outputs, activation: activation,
                precision: dtype, stage: stage)
        }
        return BiGSLayer(
            norm: try norm("\(path).LayerNorm", epsilon: configuration.layerNormEpsilon),
            dv: try dense("dv", from: hidden, to: gate, .gate, form),
            duForward: try dense("du_forward", from: hidden, to: hidden, .input, form),
            duBackward: try dense("du_backward", from: hidden, to: hidden, .input, form),
            fs4: try recurrence("\(path).fs4", .forward, maximumLength: length),
            bs4: try recurrence("\(path).bs4", .backward, maximumLength: length),
            ducForward: try dense("duc_forward", from: hidden, to: hidden, .context),
            ducBackward: try dense("duc_backward", from: hidden, to: hidden, .context),
            dol: try dense("dol", from: hidden, to: gate, .widen, form),
            do: try dense("do", from: gate, to: hidden, .narrow),
            preNorm: preNorm)
    }
}
