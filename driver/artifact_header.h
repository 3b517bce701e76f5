// The C header of an artifact (codegen/cpu/artifact.h): C99, every function with what it takes, in which
// shape.
#pragma once

#include "codegen/cpu/artifact.h"

#include <string>
#include <vector>

namespace striate {

struct ArtifactDescription {
  std::string title;   // "LeNet (lenet.nn)"
  std::string command; // the command line that made it
  std::string cpu;     // what it was compiled for
  int64_t workspace_bytes = 0;
  std::vector<double> settings; // the values of Artifact::settings in the program
};

std::string artifact_header(const Artifact& artifact, const ArtifactDescription& description);

// A name as a C identifier: what else a name may hold becomes `_`.
std::string c_identifier(const std::string& name);

} // namespace striate
