// Between a checkpoint's tensors and our weights: some are fused, some transposed, some stored less one.
#pragma once

#include <filesystem>
#include <memory>

#include "runtime/model/files/checkpoint.h"
#include "runtime/model/model.h"

namespace stemma {

// Weights that change form on their way are taken this many numbers at a time.
inline constexpr int64_t elements_at_once = 4 << 20;

// Checks that the checkpoint is the config's, and takes no memory. Throws Error naming the file, the tensor and the
// remedy.
void check_weights(const Checkpoint& checkpoint, const ModelConfig& config);
// Checks, then reads. Throws Error(does_not_fit), before memory is taken, where the device has not as much free.
Weights load_weights(const Checkpoint& checkpoint, const ModelConfig& config, const std::shared_ptr<Ops>& ops,
                     Dtype dtype = Dtype::f32);
// What they will take of the device's memory, bytes, and the type that each place of weight_layout will be kept in.
// Only names, shapes and types are read.
double loaded_bytes(const Checkpoint& checkpoint, const ModelConfig& config, const Ops& ops, Dtype dtype);
std::vector<WeightType> loaded_types(const Checkpoint& checkpoint, const ModelConfig& config, const Ops& ops,
                                     Dtype dtype);

// Writes them as the family's own checkpoints have them, each in the type it is kept in: f32, bf16 or f16. Throws
// Error(disk).
void write_weights(const std::filesystem::path& file, const ModelConfig& config, const Weights& weights, Ops& ops);

}  // namespace stemma
