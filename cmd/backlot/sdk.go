package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/backlot/backlot/internal/api"
)

func sdkCommand() *cobra.Command {
	c := &cobra.Command{Use: "sdk", Short: "What AWS SDKs need to know the API"}
	boto := &cobra.Command{
		Use:   "boto",
		Short: `Write the client model that gives boto3 its client "nimble" back`,
		Args:  cobra.NoArgs,
	}
	var dir string
	boto.Flags().StringVar(&dir, "dir", "", "folder to write to: ~/.aws/models, or one that AWS_DATA_PATH names")
	if err := boto.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag is defined above
	}
	boto.RunE = func(c *cobra.Command, _ []string) error {
		model, err := api.Botocore()
		if err != nil {
			return err
		}
		for path, text := range model {
			file := filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return fmt.Errorf("write the client model: %w", err)
			}
			if err := os.WriteFile(file, text, 0o644); err != nil {
				return fmt.Errorf("write the client model: %w", err)
			}
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "wrote %s; set AWS_DATA_PATH=%s unless that is ~/.aws/models\n", filepath.Join(dir, "nimble"), dir)
		return err
	}
	c.AddCommand(boto, &cobra.Command{
		Use:   "openapi",
		Short: "Print the API as an OpenAPI 3.1 document",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := api.OpenAPI()
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(text)
			return err
		},
	})
	return c
}
