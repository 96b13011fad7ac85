#include "textflag.h"

// The kernel calls the handler as it calls runtime·sigtramp, to which it goes
// on: signal in R0, siginfo in R1, context in R2. Nothing else is to be kept,
// since rt_sigreturn restores what was interrupted. si_code is above 0 when
// the kernel sent the signal (include/uapi/asm-generic/siginfo.h).
TEXT handler<>(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVW	8(R1), R3
	CMPW	$0, R3
	CSET	GT, R3
	ADD	R0<<1, R3, R3
	MOVD	$·seen(SB), R4
	ADD	R3<<2, R4, R4
again:
	LDAXRW	(R4), R5
	ADDW	$1, R5
	STLXRW	R5, (R4), R6
	CBNZW	R6, again
	MOVD	$·chain(SB), R4
	MOVD	(R4)(R0<<3), R4
	CBZ	R4, done
	JMP	(R4)
done:
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB),NOSPLIT,$0-8
	MOVD	$handler<>(SB), R0
	MOVD	R0, ret+0(FP)
	RET
