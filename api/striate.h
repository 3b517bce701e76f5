/* Striate from C: compile a `.nn` program, apply it, train it step by step, read and write its weights.
 *
 * C99; link with -lstriate. Functions that can fail return STRIATE_OK or the code of what is wrong (those of
 * the command line, docs/command-line.md), and striate_error() tells in words, with places in the program's
 * text. Nothing is printed. A model is used by one thread at a time; different models may be used at once.
 *
 * Arrays are dense, the last dimension innermost, in the machine's own byte order. An array of examples has
 * their number as its first dimension. */
#ifndef STRIATE_H
#define STRIATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define STRIATE_API __attribute__((visibility("default")))
#else
#define STRIATE_API
#endif

/* Raised when a function changes its meaning; new ones may come without. */
#define STRIATE_API_VERSION 1

#define STRIATE_OK 0
#define STRIATE_FAILED 1   /* the program is wrong */
#define STRIATE_USAGE 2    /* what was asked for makes no sense: an unknown name, another shape */
#define STRIATE_BAD_DATA 3 /* a missing or bad file */
#define STRIATE_OUT_OF_MEMORY 5

typedef enum { STRIATE_F32 = 0, STRIATE_F64 = 1, STRIATE_I32 = 2, STRIATE_U8 = 3 } striate_type;

typedef struct striate_model striate_model;

typedef struct striate_options {
  const char* weights;           /* a safetensors or .npz file, or NULL */
  const char* data;              /* the folder of the program's data files; NULL: the program's own */
  const char* const* parameters; /* "NAME=VALUE", the model's arguments; ends with NULL; may be NULL */
  const char* const* settings;   /* "train.batch=32", as --set takes them; ends with NULL; may be NULL */
  int64_t batch;                 /* the most examples at a time; 0: the program's */
  int threads;                   /* 0: as many as the machine has; results do not depend on it */
  int training; /* 1: striate_train_step is compiled too; parameters are drawn unless there are weights */
} striate_options;

/* An input, output or weight. `shape` has `rank` sizes; where `by_example`, of one example, without their
 * number. Strings and shapes live as long as the model. */
typedef struct striate_tensor {
  const char* name;
  int type; /* a striate_type */
  int by_example;
  int rank;
  const int64_t* shape;
} striate_tensor;

/* The caller's memory for one of these: `count` elements of `type`. Inputs of other types are converted where
 * every value can be (f32 from u8, i32 or f64). */
typedef struct striate_array {
  const char* name;
  int type; /* a striate_type */
  void* data;
  int64_t count;
} striate_array;

typedef enum {
  STRIATE_INPUTS = 0, /* of striate_run */
  STRIATE_OUTPUTS = 1,
  STRIATE_STEP_INPUTS = 2,  /* of striate_train_step: the fields that the training reads */
  STRIATE_STEP_OUTPUTS = 3, /* loss and metrics, one value for each example */
  STRIATE_WEIGHTS = 4       /* parameters and states, under PyTorch's names */
} striate_list;

STRIATE_API int striate_api_version(void);
STRIATE_API const char* striate_version(void);

/* Of this thread's last call that failed; until its next one. */
STRIATE_API const char* striate_error(void);

/* `options` may be NULL. On success *model is to be closed; else it is NULL. */
STRIATE_API int striate_open(const char* program, const striate_options* options, striate_model** model);
STRIATE_API void striate_close(striate_model* model);

STRIATE_API int64_t striate_capacity(const striate_model* model); /* the most examples of a step */
STRIATE_API int64_t striate_count(const striate_model* model, striate_list list);
/* index counts from 0. */
STRIATE_API int striate_describe(const striate_model* model, striate_list list, int64_t index,
                                 striate_tensor* tensor);

/* Applies the model to any number of examples. Outputs that are not asked for are left out. */
STRIATE_API int striate_run(striate_model* model, int64_t examples, const striate_array* inputs,
                            int64_t input_count, const striate_array* outputs, int64_t output_count);
/* One update. Its number and the draws of random numbers go on by themselves. */
STRIATE_API int striate_train_step(striate_model* model, int64_t examples, const striate_array* inputs,
                                   int64_t input_count, const striate_array* outputs, int64_t output_count);

/* "optimizer.lr", "epoch", "step": what a step reads. striate_setting_name gives NULL beyond the last one. */
STRIATE_API const char* striate_setting_name(const striate_model* model, int64_t index);
STRIATE_API int striate_get_setting(const striate_model* model, const char* name, double* value);
STRIATE_API int striate_set_setting(striate_model* model, const char* name, double value);

/* One weight, whole. */
STRIATE_API int striate_read(const striate_model* model, const striate_array* weight);
STRIATE_API int striate_write(striate_model* model, const striate_array* weight);

/* All weights, as `striate train` saves them. */
STRIATE_API int striate_load(striate_model* model, const char* file);
STRIATE_API int striate_save(const striate_model* model, const char* file);

#ifdef __cplusplus
}
#endif

#endif
