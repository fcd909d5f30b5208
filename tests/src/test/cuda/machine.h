// Runs one grid on the CPU: a fiber for each thread of a block, blocks one after another, both in an order that the seed decides.
#pragma once
#define STANDIN_MACHINE
#include "device.h"

#include <cstdint>
#include <string>

namespace standin {
struct Grid {
  const Kernel* kernel;
  dim3 grid, block;
  unsigned sharedBytes;
  char *sharedBegin, *sharedEnd;  // the program's static shared memory
  Machine** machineOfProgram;     // the program's pointer to the machine
  void** parameters;
};
enum class Fault { None, Address, Launch };

// Runs it; a fault ends the grid, and what happened is reported.
Fault run(const Grid& grid, uint64_t seed);
void report(const std::string& line);
// Where an address of device memory lies, in words; empty if it is none of ours.
std::string describe(uintptr_t address);
void* guarded(size_t bytes, size_t* mapped);  // memory that ends where a page does, between pages that fault
void release(void* memory, size_t mapped);
uint64_t mix(uint64_t x);
}  // namespace standin
