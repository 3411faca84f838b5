#pragma once
// oneDNN through its C interface, the same for version 2 (operation descriptors) and version 3
// (primitive descriptors made directly, opaque memory descriptors). Nothing but wrappers: no state.

#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

/// A memory descriptor on the heap, so that Swift sees one type in both versions.
typedef struct bigs_descriptor {
    dnnl_memory_desc_t value;
} bigs_descriptor;

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t bigs_descriptor_reference;
static inline bigs_descriptor_reference bigs_reference(const bigs_descriptor *descriptor) {
    return descriptor->value;
}
#else
typedef const dnnl_memory_desc_t *bigs_descriptor_reference;
static inline bigs_descriptor_reference bigs_reference(const bigs_descriptor *descriptor) {
    return &descriptor->value;
}
#endif

static inline void bigs_descriptor_destroy(bigs_descriptor *descriptor) {
    if (!descriptor) return;
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_destroy(descriptor->value);
#endif
    free(descriptor);
}

/// A matrix of some type whose element [i, j] lies at i * row_stride + j * column_stride.
static inline bigs_descriptor *bigs_descriptor_typed(
    dnnl_data_type_t type, int64_t rows, int64_t columns, int64_t row_stride,
    int64_t column_stride) {
    bigs_descriptor *descriptor = (bigs_descriptor *)malloc(sizeof(bigs_descriptor));
    if (!descriptor) return NULL;
    const dnnl_dims_t dimensions = {rows, columns};
    const dnnl_dims_t strides = {row_stride, column_stride};
#if DNNL_VERSION_MAJOR >= 3
    dnnl_status_t status = dnnl_memory_desc_create_with_strides(
        &descriptor->value, 2, dimensions, type, strides);
#else
    dnnl_status_t status = dnnl_memory_desc_init_by_strides(
        &descriptor->value, 2, dimensions, type, strides);
#endif
    if (status == dnnl_success) return descriptor;
    free(descriptor);
    return NULL;
}

/// The same of float32.
static inline bigs_descriptor *bigs_descriptor_strided(
    int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
    return bigs_descriptor_typed(dnnl_f32, rows, columns, row_stride, column_stride);
}

/// A matrix whose layout the primitive that uses it may choose.
static inline bigs_descriptor *bigs_descriptor_any(
    dnnl_data_type_t type, int64_t rows, int64_t columns) {
    bigs_descriptor *descriptor = (bigs_descriptor *)malloc(sizeof(bigs_descriptor));
    if (!descriptor) return NULL;
    const dnnl_dims_t dimensions = {rows, columns};
#if DNNL_VERSION_MAJOR >= 3
    dnnl_status_t status = dnnl_memory_desc_create_with_tag(
        &descriptor->value, 2, dimensions, type, dnnl_format_tag_any);
#else
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(
        &descriptor->value, 2, dimensions, type, dnnl_format_tag_any);
#endif
    if (status == dnnl_success) return descriptor;
    free(descriptor);
    return NULL;
}

static inline size_t bigs_descriptor_bytes(const bigs_descriptor *descriptor) {
    return dnnl_memory_desc_get_size(bigs_reference(descriptor));
}

/// Memory over a caller's buffer (NULL: the buffer is set later).
static inline dnnl_memory_t bigs_memory_create(
    const bigs_descriptor *descriptor, dnnl_engine_t engine, void *data) {
    dnnl_memory_t memory = NULL;
    dnnl_status_t status = dnnl_memory_create(
        &memory, bigs_reference(descriptor), engine, data ? data : DNNL_MEMORY_NONE);
    return status == dnnl_success ? memory : NULL;
}

/// Copies `from` into the layout of `to`. Returns a oneDNN status.
static inline dnnl_status_t bigs_reorder(
    dnnl_engine_t engine, const bigs_descriptor *from_descriptor, dnnl_memory_t from,
    const bigs_descriptor *to_descriptor, dnnl_memory_t to) {
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(
        &description, bigs_reference(from_descriptor), engine, bigs_reference(to_descriptor),
        engine, NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&primitive, description);
    if (status == dnnl_success)
        status = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    if (status == dnnl_success) {
        const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
        status = dnnl_primitive_execute(primitive, stream, 2, arguments);
    }
    if (status == dnnl_success) status = dnnl_stream_wait(stream);
    if (stream) dnnl_stream_destroy(stream);
    if (primitive) dnnl_primitive_destroy(primitive);
    if (description) dnnl_primitive_desc_destroy(description);
    return status;
}

/// A product of contiguous row-major matrices, then bias and activation.
typedef struct bigs_matmul_shape {
    int64_t rows, inner, columns;
    int has_bias;
    /// A dnnl_alg_kind_t of an eltwise operation, or 0, and its alpha.
    int activation;
    float alpha;
    /// dnnl_data_type_t of input, weights and output; 0 means float32.
    int input_type, weights_type, output_type;
} bigs_matmul_shape;

static inline dnnl_data_type_t bigs_type_or_float(int type) {
    return type ? (dnnl_data_type_t)type : dnnl_f32;
}

static inline bigs_descriptor *bigs_matmul_input(const bigs_matmul_shape *shape) {
    return bigs_descriptor_typed(
        bigs_type_or_float(shape->input_type), shape->rows, shape->inner, shape->inner, 1);
}

static inline bigs_descriptor *bigs_matmul_output(const bigs_matmul_shape *shape) {
    return bigs_descriptor_typed(
        bigs_type_or_float(shape->output_type), shape->rows, shape->columns, shape->columns, 1);
}

/// One product ready to run. Not safe to run on two threads at once: it holds the arguments.
typedef struct bigs_matmul {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_memory_t input, output, scratch;
    size_t scratch_bytes;
    int has_bias;
} bigs_matmul;

static inline void bigs_matmul_destroy(bigs_matmul *matmul) {
    if (!matmul) return;
    dnnl_memory_t memories[] = {matmul->input, matmul->output, matmul->scratch};
    for (int i = 0; i < 3; i++)
        if (memories[i]) dnnl_memory_destroy(memories[i]);
    if (matmul->primitive) dnnl_primitive_destroy(matmul->primitive);
    if (matmul->stream) dnnl_stream_destroy(matmul->stream);
    free(matmul);
}

static inline dnnl_status_t bigs_matmul_attributes(
    const bigs_matmul_shape *shape, dnnl_primitive_attr_t *attributes) {
    dnnl_post_ops_t operations = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
    if (status == dnnl_success) status = dnnl_post_ops_create(&operations);
    if (status == dnnl_success && shape->activation) {
        dnnl_alg_kind_t kind = (dnnl_alg_kind_t)shape->activation;
#if DNNL_VERSION_MAJOR >= 3
        status = dnnl_post_ops_append_eltwise(operations, kind, shape->alpha, 0);
#else
        status = dnnl_post_ops_append_eltwise(operations, 1, kind, shape->alpha, 0);
#endif
    }
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(*attributes, operations);
    if (operations) dnnl_post_ops_destroy(operations);
    return status;
}

static inline dnnl_status_t bigs_matmul_describe(
    dnnl_engine_t engine, const bigs_matmul_shape *shape, const bigs_descriptor *input,
    const bigs_descriptor *weights, const bigs_descriptor *output,
    dnnl_primitive_attr_t attributes, dnnl_primitive_desc_t *description) {
    bigs_descriptor *bias = NULL;
    if (shape->has_bias) {
        bias = bigs_descriptor_strided(1, shape->columns, shape->columns, 1);
        if (!bias) return dnnl_out_of_memory;
    }
#if DNNL_VERSION_MAJOR >= 3
    dnnl_status_t status = dnnl_matmul_primitive_desc_create(
        description, engine, input->value, weights->value, bias ? bias->value : NULL,
        output->value, attributes);
#else
    dnnl_matmul_desc_t operation;
    dnnl_status_t status = dnnl_matmul_desc_init(
        &operation, &input->value, &weights->value, bias ? &bias->value : NULL, &output->value);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(description, &operation, attributes, engine, NULL);
#endif
    bigs_descriptor_destroy(bias);
    return status;
}

static inline bigs_descriptor_reference bigs_query(
    dnnl_primitive_desc_t description, dnnl_query_t what) {
    return dnnl_primitive_desc_query_md(description, what, 0);
}

/// The layout of the weights that a product of this shape prefers; NULL where oneDNN has none.
static inline bigs_descriptor *bigs_matmul_preferred_weights(
    dnnl_engine_t engine, const bigs_matmul_shape *shape) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t description = NULL;
    bigs_descriptor *input = bigs_matmul_input(shape);
    bigs_descriptor *output = bigs_matmul_output(shape);
    bigs_descriptor *any = bigs_descriptor_any(
        bigs_type_or_float(shape->weights_type), shape->inner, shape->columns);
    bigs_descriptor *result = NULL;
    if (input && output && any
        && bigs_matmul_attributes(shape, &attributes) == dnnl_success
        && bigs_matmul_describe(engine, shape, input, any, output, attributes, &description)
            == dnnl_success) {
        result = (bigs_descriptor *)malloc(sizeof(bigs_descriptor));
        if (result) {
            bigs_descriptor_reference found = bigs_query(description, dnnl_query_weights_md);
#if DNNL_VERSION_MAJOR >= 3
            if (dnnl_memory_desc_clone(&result->value, found) != dnnl_success) {
                free(result);
                result = NULL;
            }
#else
            result->value = *found;
#endif
        }
    }
    if (description) dnnl_primitive_desc_destroy(description);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    bigs_descriptor_destroy(any);
    bigs_descriptor_destroy(output);
    bigs_descriptor_destroy(input);
    return result;
}

/// A product with its weights in the layout given. NULL where oneDNN refuses; see `status`.
static inline bigs_matmul *bigs_matmul_create(
    dnnl_engine_t engine, const bigs_matmul_shape *shape, const bigs_descriptor *weights,
    dnnl_status_t *status) {
    bigs_matmul *matmul = (bigs_matmul *)calloc(1, sizeof(bigs_matmul));
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t description = NULL;
    bigs_descriptor *input = bigs_matmul_input(shape);
    bigs_descriptor *output = bigs_matmul_output(shape);
    *status = matmul && input && output ? dnnl_success : dnnl_out_of_memory;
    if (*status == dnnl_success)
        *status = bigs_matmul_attributes(shape, &attributes);
    if (*status == dnnl_success)
        *status = bigs_matmul_describe(
            engine, shape, input, weights, output, attributes, &description);
    if (*status == dnnl_success)
        *status = dnnl_primitive_create(&matmul->primitive, description);
    if (*status == dnnl_success)
        *status = dnnl_stream_create(&matmul->stream, engine, dnnl_stream_default_flags);
    if (*status == dnnl_success) {
        bigs_descriptor_reference scratch = bigs_query(description, dnnl_query_scratchpad_md);
        matmul->scratch_bytes = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
        matmul->has_bias = shape->has_bias;
        matmul->input = bigs_memory_create(input, engine, NULL);
        matmul->output = bigs_memory_create(output, engine, NULL);
        int complete = matmul->input && matmul->output;
        if (matmul->scratch_bytes)
            complete &=
                dnnl_memory_create(&matmul->scratch, scratch, engine, DNNL_MEMORY_NONE)
                == dnnl_success;
        if (!complete) *status = dnnl_out_of_memory;
    }
    if (description) dnnl_primitive_desc_destroy(description);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    bigs_descriptor_destroy(output);
    bigs_descriptor_destroy(input);
    if (*status == dnnl_success) return matmul;
    bigs_matmul_destroy(matmul);
    return NULL;
}

/// The buffers of one run.
typedef struct bigs_matmul_buffers {
    const void *input;
    dnnl_memory_t weights;
    dnnl_memory_t bias;
    void *output;
    void *scratch;
} bigs_matmul_buffers;

static inline dnnl_status_t bigs_matmul_run(
    bigs_matmul *matmul, const bigs_matmul_buffers *buffers) {
    dnnl_exec_arg_t arguments[5];
    int count = 0;
    dnnl_status_t status = dnnl_memory_set_data_handle(matmul->input, (void *)buffers->input);
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SRC, matmul->input};
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, buffers->weights};
    if (matmul->has_bias)
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, buffers->bias};
    status |= dnnl_memory_set_data_handle(matmul->output, buffers->output);
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_DST, matmul->output};
    if (matmul->scratch) {
        status |= dnnl_memory_set_data_handle(matmul->scratch, buffers->scratch);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, matmul->scratch};
    }
    if (status != dnnl_success) return status;
    status = dnnl_primitive_execute(matmul->primitive, matmul->stream, count, arguments);
    return status == dnnl_success ? dnnl_stream_wait(matmul->stream) : status;
}
